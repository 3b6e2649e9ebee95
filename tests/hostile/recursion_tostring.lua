-- expect packet: (stack overflow|instruction budget spent)
-- A __tostring that calls tostring.
local packets = 0
function filter(hdr, pld)
  packets = packets + 1
  if packets == 1 then
    local t = setmetatable({}, {})
    getmetatable(t).__tostring = function(x) return tostring(x) end
    tostring(t)
  end
  return packets ~= 2
end
