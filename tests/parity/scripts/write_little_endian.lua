-- Little-endian fields written, whole bytes and twelve bits.
local f = data.layout {a = {0, 16, 'little'}, b = {16, 12, 'little'}, c = {32, 32, 'little'}, d = {66, 9, 'little'}}

function filter(hdr, pld, pkt)
  local v = pld:layout(f)
  v.a = 0x1234
  v.b = hdr[5] * 16 + 5
  v.c = -2
  v.d = 0x155
  pkt.mark = (v.b or 1) << 16 | (v.d or 3)
end
