-- expect packet: instruction budget spent: 1000000 instructions per packet
-- Moves of ordinary size without end.
local packets = 0
function filter(hdr, pld)
  packets = packets + 1
  if packets == 1 then
    local t = {}
    while true do table.move(t, 1, 100000, 2) end
  end
  return packets ~= 2
end
