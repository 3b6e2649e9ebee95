-- expect packet: (stack overflow|instruction budget spent)
-- Recursion without end.
local packets = 0
function filter(hdr, pld)
  packets = packets + 1
  if packets == 1 then
    local function f(n) return 1 + f(n + 1) end
    f(0)
  end
  return packets ~= 2
end
