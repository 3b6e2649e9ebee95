-- 64 bits wrap into Lua's signed integer; with an odd start they cross nine bytes.
local wide = data.layout {a = {64, 64}, b = {61, 64}, c = {33, 63}, d = {95, 64}}

function filter(hdr, pld, pkt)
  local v = hdr:layout(wide)
  local x = v.a ~ v.b ~ v.c ~ v.d
  pkt.mark = (x ~ x >> 32) & 0xffffffff
  return v.a < 0
end
