-- expect packet: (error object is a table value|instruction budget spent)
-- Making the message of an error never ends.
local packets = 0
function filter(hdr, pld)
  packets = packets + 1
  if packets == 1 then
    error(setmetatable({}, { __tostring = function() while true do end end }))
  end
  return packets ~= 2
end
