-- Numbers are masked to the width of their field, 64 bits at an odd start too.
local f = data.layout {a = {0, 4}, b = {13, 64}, c = {80, 24}, d = {104, 16, 'signed'}}

function filter(hdr, pld, pkt)
  local v = pld:layout(f)
  v.a = 0xff7
  v.b = 0x0123456789abcdef + hdr[5]
  v.c = -3
  v.d = -2
  pkt.mark = ((v.b or 0) >> 20 ~ (v.d or 0)) & 0xffffffff
end
