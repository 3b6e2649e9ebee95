-- expect packet: (instruction budget spent|time limit reached|not enough memory)
-- Copies of a string of megabytes.
local s = ('x'):rep(16 << 20)
local packets = 0
function filter(hdr, pld)
  packets = packets + 1
  if packets == 1 then
    local n = 0
    while true do n = n + #s:sub(2) + #s:upper() end
  end
  return packets ~= 2
end
