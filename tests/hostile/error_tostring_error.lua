-- expect packet: error object is a table value
-- Making the message fails.
local packets = 0
function filter(hdr, pld)
  packets = packets + 1
  if packets == 1 then
    error(setmetatable({}, { __tostring = function() error('again') end }))
  end
  return packets ~= 2
end
