-- expect fine
-- A finalizer added after setmetatable has looked.
local packets = 0
function filter(hdr, pld)
  packets = packets + 1
  if packets == 1 then
    local mt = {}
    for i = 1, 1000 do setmetatable({}, mt) end
    mt.__gc = function() while true do end end
    for i = 1, 10000 do local t = setmetatable({}, getmetatable(setmetatable({}, {}))) end
    local waste
    for i = 1, 20000 do waste = { waste and i } end
  end
  return packets ~= 2
end
