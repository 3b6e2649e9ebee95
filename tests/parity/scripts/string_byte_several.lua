-- byte gives several results.
-- refused: many-bytes 7
function filter(hdr, pld, pkt)
  local s = tostring(pld)
  local a, b, c, d = s:byte(1, 3)
  local n = select('#', s:byte(2, 5))
  local last = select('#', s:byte(-2, -1))
  local x = (a or 300) + (b or 400) * 2 + (c or 500) * 4 + n * 8 + last
  if d == nil then x = x + 1 end
  pkt.mark = x
  return x % 3 == 1
end
