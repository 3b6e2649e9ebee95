-- byte at positive and negative positions; outside there is none.
function filter(hdr, pld, pkt)
  local s = tostring(pld:segment(0, 20))
  local a, b, c = s:byte(), s:byte(-1), s:byte(21)
  local d = s:byte(0)
  local e = string.byte(s, 3) or -1
  local x = (a or 1) * 1000 + (b or 2) * 10 + e
  if c == nil then x = x + 1 end
  if d == nil then x = x + 2 end
  pkt.mark = x & 0xffffffff
  return x % 3 == 0
end
