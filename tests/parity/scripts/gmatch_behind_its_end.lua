-- The iterator gives no value at all once it has ended.
function filter(hdr, pld, pkt)
  local next_word = tostring(pld:segment(0, 60)):gmatch('%a+')
  local first, second = next_word(), next_word()
  log('%s %s', tostring(first), tostring(second))
  local t = {next_word()}
  log('%d %d', #t, select('#', next_word()))
  if hdr[5] & 1 == 1 then log('%s', tostring(next_word())) end
end
