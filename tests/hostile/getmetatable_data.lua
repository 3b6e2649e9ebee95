-- expect packet: (attempt to index a|protected)
-- The metatable of data objects.
local packets = 0
function filter(hdr, pld)
  packets = packets + 1
  if packets == 1 then
    getmetatable(pld).__index = nil
  end
  return packets ~= 2
end
