-- Little-endian fields of whole bytes, and of 12 bits as the original read them.
local little = data.layout {
  a = {32, 16, 'little'}, b = {96, 32, 'number', 'little'}, c = {64, 64, 'little'}, d = {32, 12, 'little'}, e = {36, 20, 'little'},
  f = {33, 9, 'little'}, g = {96, 24, 'signed', 'little'}, h = {64, 8, 'little'}, host = {32, 16, 'host'},
}

function filter(hdr, pld, pkt)
  local v = hdr:layout(little)
  local x = v.a + v.b * 3 + v.c * 5 + v.d * 7 + v.e * 11 + v.f * 13 + v.g * 17 + v.h * 19 + v.host * 23
  pkt.mark = (x ~ x >> 32) & 0xffffffff
  return v.a > 0x8000
end
