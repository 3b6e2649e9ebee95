-- expect packet: (loop|chain too long)
-- Two tables that hand the assignment to each other.
local packets = 0
function filter(hdr, pld)
  packets = packets + 1
  if packets == 1 then
    local a, b = {}, {}
    setmetatable(a, { __newindex = b })
    setmetatable(b, { __newindex = a })
    a.x = 1
  end
  return packets ~= 2
end
