-- expect packet: (stack overflow|C stack overflow)
-- A metamethod that calls itself through an operator.
local packets = 0
function filter(hdr, pld)
  packets = packets + 1
  if packets == 1 then
    local mt = {}
    mt.__concat = function(a, b) return a .. b end
    local t = setmetatable({}, mt)
    local s = t .. t
  end
  return packets ~= 2
end
