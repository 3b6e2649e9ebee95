-- Nine captures, numbers among them.
function filter(hdr, pld, pkt)
  local a, b, c, d, e, f, g, h, i = tostring(pld:segment(0, 40)):match('^(.)(.)(..)()(.)(.-)()(.)(.*)$')
  if not a then return end
  pkt.mark = (#f + #i * 3 + d * 5 + g * 7 + a:byte() + h:byte() + e:byte() + #c) & 0xffffffff
  return b:byte() % 2 == 0
end
