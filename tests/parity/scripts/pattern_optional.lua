-- Optional items.
function filter(hdr, pld, pkt)
  local s = tostring(pld:segment(0, 60))
  local a = s:match('HTTPS?/?%d?')
  local b = s:match('^%-?%d%d?%d?')
  local c = s:match('x?y?z?')
  local x = #(a or '') * 100 + #(b or '') * 10 + #c
  pkt.mark = x
  return x % 2 == 0
end
