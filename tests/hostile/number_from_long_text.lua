-- expect packet: (instruction budget spent|time limit reached)
-- Reading a number from a text of megabytes.
local text = (' '):rep(20 << 20) .. '1'
local packets = 0
function filter(hdr, pld)
  packets = packets + 1
  if packets == 1 then
    local n = 0
    while true do n = n + tonumber(text) + #(text + 0 .. '') end
  end
  return packets ~= 2
end
