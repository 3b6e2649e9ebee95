-- expect packet: (invalid order function|attempt to|stack overflow|instruction budget spent)
-- A comparison that is always true reads past the ends.
local packets = 0
function filter(hdr, pld)
  packets = packets + 1
  if packets == 1 then
    local t = {}
    for i = 1, 500 do t[i] = i end
    table.sort(t, function(a, b) return true end)
  end
  return packets ~= 2
end
