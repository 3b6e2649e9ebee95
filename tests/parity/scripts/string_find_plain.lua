-- Plain find: positions, init, the empty string, what is not there.
function filter(hdr, pld, pkt)
  local s = tostring(pld)
  local a, b = s:find('\r\n', 1, true)
  local c = s:find('.', 1, true)
  local d = s:find('', 3, true)
  local e = s:find('HTTP/1.', 5, true)
  local f = s:find('a', -10, true)
  local x = (a or 0) + (b or 0) * 3 + (c or 0) * 5 + (d or 0) * 7 + (e or 0) * 11 + (f or 0) * 13
  pkt.mark = x
  return x % 3 == 0
end
