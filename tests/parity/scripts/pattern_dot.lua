-- . is any byte.
function filter(hdr, pld, pkt)
  local s = tostring(pld:segment(0, 40))
  local a = s:match('^....')
  local b = s:match('a..(.)')
  if a then
    pkt.mark = #a + (b and b:byte() or 0) * 16
    return a:byte(4) % 2 == 0
  end
end
