-- Negation, of the smallest integer too, which stays itself.
local wide = data.layout {a = {64, 64}, b = {32, 8}}

function filter(hdr, pld, pkt)
  local v = hdr:layout(wide)
  local x = -v.a
  local y = -(v.a | math.mininteger)
  local z = - -v.b - -3
  local m = -(math.mininteger + (v.b & 1))
  pkt.mark = (x ~ x >> 32 ~ y + z ~ m >> 32) & 0xffffffff
  return -v.b < -100
end
