-- expect packet: instruction budget spent: 1000000 instructions per packet
-- A loop to infinity.
local packets = 0
function filter(hdr, pld)
  packets = packets + 1
  if packets == 1 then
    for _ = 1, math.huge do end
  end
  return packets ~= 2
end
