-- A view's layout is the last one applied to it; a segment starts with none.
local a = data.layout {x = {0, 8}}
local b = data.layout {y = {8, 8}}

function filter(hdr, pld, pkt)
  local v = hdr:layout(a)
  local x = v.x
  v:layout(b)
  local n = 0
  if v.x == nil then n = n + 1 end
  if v.y == hdr.y then n = n + 2 end
  if hdr:segment(0).y == nil then n = n + 4 end
  pkt.mark = x << 8 | n
  return x == 0x45 and n == 7
end
