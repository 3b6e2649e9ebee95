-- expect packet: stack overflow
-- Arithmetic on strings goes through C functions and back.
local packets = 0
function filter(hdr, pld)
  packets = packets + 1
  if packets == 1 then
    local mt = {}
    mt.__add = function(a, b) return '1' + b end
    local t = setmetatable({}, mt)
    local s = t + 1 == nil or '1' + t
  end
  return packets ~= 2
end
