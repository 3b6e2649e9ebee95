-- Multiplication keeps the low 64 bits, whatever the signs.
local wide = data.layout {a = {64, 64}, b = {96, 64}, c = {32, 16, 'signed'}}

function filter(hdr, pld, pkt)
  local v = hdr:layout(wide)
  local x = v.a * v.b
  local y = v.c * -7 * v.a
  local z = x * y * math.mininteger + x
  pkt.mark = (z ~ y ~ z >> 32) & 0xffffffff
  return x < 0
end
