-- expect packet: (stack overflow|instruction budget spent)
-- Recursion through C.
local packets = 0
function filter(hdr, pld)
  packets = packets + 1
  if packets == 1 then
    local function f() return select(2, pcall(f)) end
    error(f(), 0)
  end
  return packets ~= 2
end
