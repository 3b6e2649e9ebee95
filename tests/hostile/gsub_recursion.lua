-- expect packet: (C stack overflow|stack overflow)
-- A replacement function that calls gsub.
local packets = 0
function filter(hdr, pld)
  packets = packets + 1
  if packets == 1 then
    local function f(c) return (c:gsub('.', f)) end
    f('x')
  end
  return packets ~= 2
end
