-- expect packet: instruction budget spent: 1000000 instructions per packet
-- Closing the gap in 2^60 elements.
local packets = 0
function filter(hdr, pld)
  packets = packets + 1
  if packets == 1 then
    table.remove(setmetatable({}, { __len = function() return 1 << 60 end }), 1)
  end
  return packets ~= 2
end
