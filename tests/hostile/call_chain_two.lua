-- expect packet: time limit reached
-- Two tables that are called through each other.
local packets = 0
function filter(hdr, pld)
  packets = packets + 1
  if packets == 1 then
    local a, b = setmetatable({}, {}), setmetatable({}, {})
    getmetatable(a).__call = b
    getmetatable(b).__call = a
    xpcall(function() a() end, function() while true do end end)
  end
  return packets ~= 2
end
