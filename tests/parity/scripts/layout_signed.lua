-- Signed fields of several widths.
local signed = data.layout {
  a = {32, 8, 'signed'}, b = {32, 16, 'signed'}, c = {64, 3, 'signed'}, d = {96, 32, 'signed'}, e = {64, 64, 'signed'}, f = {97, 1, 'si'},
}

function filter(hdr, pld, pkt)
  local v = hdr:layout(signed)
  local x = v.a + v.b * 3 + v.c * 5 + v.d * 7 + v.e * 11 + v.f * 13
  pkt.mark = (x ~ x >> 32) & 0xffffffff
  return v.d < 0
end
