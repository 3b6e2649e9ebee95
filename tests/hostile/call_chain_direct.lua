-- expect packet: time limit reached
-- The same without pcall.
local packets = 0
function filter(hdr, pld)
  packets = packets + 1
  if packets == 1 then
    local t = setmetatable({}, {})
    getmetatable(t).__call = t
    t()
  end
  return packets ~= 2
end
