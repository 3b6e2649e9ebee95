-- expect packet: attempt to index a boolean value
-- The metatable of all strings.
local packets = 0
function filter(hdr, pld)
  packets = packets + 1
  if packets == 1 then
    getmetatable('').__index = nil
  end
  return packets ~= 2
end
