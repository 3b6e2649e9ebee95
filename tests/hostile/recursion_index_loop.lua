-- expect packet: (stack overflow|loop)
-- An __index that asks itself.
local packets = 0
function filter(hdr, pld)
  packets = packets + 1
  if packets == 1 then
    local t = setmetatable({}, {})
    getmetatable(t).__index = function(_, k) return t[k] end
    local x = t.missing
  end
  return packets ~= 2
end
