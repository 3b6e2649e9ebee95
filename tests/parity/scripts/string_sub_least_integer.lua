-- Positions from the end that lie further away than any text is long, the least integer among them.
function filter(hdr, pld, pkt)
  local s = tostring(pld:segment(0, 40))
  log('[%s] [%s] [%s]', s:sub(math.mininteger), s:sub(math.mininteger, -1), s:sub(math.mininteger + 1))
  log('%d %d %d', #s:sub(math.mininteger), #s:sub(-41), #s:sub(-40))
  log('[%s] [%s]', s:sub(math.mininteger, 3), s:sub(math.mininteger, math.mininteger))
  return s:sub(math.mininteger) == s
end
