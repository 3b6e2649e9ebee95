-- expect packet: error object is a table value
-- Making the message raises the same error.
local packets = 0
function filter(hdr, pld)
  packets = packets + 1
  if packets == 1 then
    local t
    t = setmetatable({}, { __tostring = function() error(t) end })
    error(t)
  end
  return packets ~= 2
end
