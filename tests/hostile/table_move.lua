-- expect packet: instruction budget spent: 1000000 instructions per packet
-- 2^63 elements moved in C.
local packets = 0
function filter(hdr, pld)
  packets = packets + 1
  if packets == 1 then
    table.move({}, 1, math.maxinteger - 1, 2, {})
  end
  return packets ~= 2
end
