-- expect packet: instruction budget spent: 1000000 instructions per packet
-- A sequence of 2^63 empty strings.
local packets = 0
function filter(hdr, pld)
  packets = packets + 1
  if packets == 1 then
    table.concat(setmetatable({}, { __len = function() return math.maxinteger end, __index = function() return '' end }))
  end
  return packets ~= 2
end
