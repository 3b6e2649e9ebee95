-- expect packet: instruction budget spent: 1000000 instructions per packet
-- The plain endless loop.
local packets = 0
function filter(hdr, pld)
  packets = packets + 1
  if packets == 1 then
    while true do end
  end
  return packets ~= 2
end
