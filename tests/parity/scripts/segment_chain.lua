-- Segments of segments.
function filter(hdr, pld, pkt)
  local a = pld:segment(4, 40)
  local b = a and a:segment(4, 20)
  local c = b and b:segment(2)
  if not c then return false end
  pkt.mark = #c << 8 | (c[0] or 0)
  return #c == 18 and c[5] ~= 0
end
