-- match from a position on; ^ then stands there.
function filter(hdr, pld, pkt)
  local s = tostring(pld:segment(0, 100))
  local a = s:match('^%a+', 5)
  local b = s:match('%d+', -20)
  local c = s:match('^', 200)
  local d = s:match('^.', #s)
  local x = #(a or '') * 64 + #(b or '') * 8 + (d and d:byte() or 0)
  if c == nil then x = x + 1 end
  pkt.mark = x
  return x % 3 == 0
end
