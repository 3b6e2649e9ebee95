-- expect packet: (instruction budget spent|time limit reached)
-- next walks an emptied table from its beginning.
local packets = 0
function filter(hdr, pld)
  packets = packets + 1
  if packets == 1 then
    local t = {}
    for i = 1, 200000 do t[i .. ''] = true end
    for k in pairs(t) do t[k] = nil end
    while true do next(t) end
  end
  return packets ~= 2
end
