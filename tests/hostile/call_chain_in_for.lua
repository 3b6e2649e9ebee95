-- expect packet: time limit reached
-- An iterator that is called through itself for ever.
local packets = 0
function filter(hdr, pld)
  packets = packets + 1
  if packets == 1 then
    local t = setmetatable({}, {})
    getmetatable(t).__call = t
    for _ in t do end
  end
  return packets ~= 2
end
