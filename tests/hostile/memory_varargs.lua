-- expect packet: (too many results to unpack|stack overflow|not enough memory|instruction budget spent)
-- Arguments without end.
local packets = 0
function filter(hdr, pld)
  packets = packets + 1
  if packets == 1 then
    local t = {}
    for i = 1, 150000 do t[i] = i end
    local function f(...) return f(..., table.unpack(t)) end
    f(table.unpack(t))
  end
  return packets ~= 2
end
