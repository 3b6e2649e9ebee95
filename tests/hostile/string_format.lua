-- expect packet: instruction budget spent: 1000000 instructions per packet
-- Formatting long strings again and again.
local packets = 0
function filter(hdr, pld)
  packets = packets + 1
  if packets == 1 then
    local s = ('x'):rep(1 << 16)
    while true do s = string.format('%s', s):sub(1, 1 << 16) end
  end
  return packets ~= 2
end
