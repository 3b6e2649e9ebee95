-- expect packet: '__index' chain too long; possible loop
-- A chain of __index longer than Lua follows.
local packets = 0
function filter(hdr, pld)
  packets = packets + 1
  if packets == 1 then
    local t = {}
    for i = 1, 3000 do t = setmetatable({}, { __index = t }) end
    local x = t.missing
  end
  return packets ~= 2
end
