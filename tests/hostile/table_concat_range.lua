-- expect packet: instruction budget spent: 1000000 instructions per packet
-- The same by arguments.
local packets = 0
function filter(hdr, pld)
  packets = packets + 1
  if packets == 1 then
    table.concat(setmetatable({}, { __index = function() return '' end }), '', 1, math.maxinteger)
  end
  return packets ~= 2
end
