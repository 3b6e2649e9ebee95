-- A table made for a packet that stays in the filter.
function filter(hdr, pld, pkt)
  local t = {hdr[4], hdr[5], ttl = hdr[8], [0] = 3}
  t[3] = t[1] + t[2]
  t.ttl = t.ttl + 1
  t.name = nil
  local x = t[3] * 2 + t.ttl + t[0]
  if t.name == nil and t[4] == nil then x = x + #t end
  pkt.mark = x
  return x % 2 == 0
end
