-- expect packet: instruction budget spent: 1000000 instructions per packet
-- Catching the error of the budget and going on.
local packets = 0
function filter(hdr, pld)
  packets = packets + 1
  if packets == 1 then
    while true do
      pcall(function() while true do end end)
    end
  end
  return packets ~= 2
end
