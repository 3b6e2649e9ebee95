-- expect packet: instruction budget spent: 1000000 instructions per packet
-- Linear work in C functions.
local packets = 0
function filter(hdr, pld)
  packets = packets + 1
  if packets == 1 then
    local s = ('x'):rep(1 << 16)
    while true do s = s:upper():lower():reverse() end
  end
  return packets ~= 2
end
