-- expect packet: (stack overflow|instruction budget spent)
-- A comparison that sorts.
local packets = 0
function filter(hdr, pld)
  packets = packets + 1
  if packets == 1 then
    local function nested(a, b)
      table.sort({ 3, 1, 2 }, nested)
      return a < b
    end
    table.sort({ 3, 1, 2 }, nested)
  end
  return packets ~= 2
end
