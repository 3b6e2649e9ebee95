-- expect packet: instruction budget spent: 1000000 instructions per packet
-- Large unpacks without end.
local packets = 0
function filter(hdr, pld)
  packets = packets + 1
  if packets == 1 then
    local t = {}
    while true do select('#', table.unpack(t, 1, 200000)) end
  end
  return packets ~= 2
end
