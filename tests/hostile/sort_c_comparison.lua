-- expect packet: instruction budget spent: 1000000 instructions per packet
-- A comparison in C, where no instruction is counted.
local packets = 0
function filter(hdr, pld)
  packets = packets + 1
  if packets == 1 then
    local t = {}
    for i = 1, 100000 do t[i] = i end
    table.sort(t, math.ult)
  end
  return packets ~= 2
end
