-- Greedy and lazy repetitions.
function filter(hdr, pld, pkt)
  local s = tostring(pld:segment(0, 120))
  local x = 0
  local a = s:match('%w*')
  local b = s:match('%w-%s')
  local c = s:match('%S+ ')
  local d = s:match(' (.-) ')
  local e = s:match(' (.*) ')
  x = #(a or 'x') + #(b or 'xy') * 3 + #(c or 'xyz') * 7 + #(d or '') * 11 + #(e or '') * 13
  pkt.mark = x
  return x % 3 == 0
end
