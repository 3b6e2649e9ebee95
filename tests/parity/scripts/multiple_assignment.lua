-- All right sides are evaluated before anything is assigned.
function filter(hdr, pld, pkt)
  local a, b, c = hdr[4], hdr[5]
  a, b = b, a
  c, a = a, c
  if a == nil then a = 3 end
  a, b, c = b + 1, c + 2, a + 3, hdr[8]
  pkt.mark = a << 16 | b << 8 | c & 0xff
  return a > b
end
