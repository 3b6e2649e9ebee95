-- Tables without holes have one length, nil at their end or not.
function filter(hdr, pld, pkt)
  local a = #pld
  local t = {a, a + 1, nil}
  local u = {[0] = a, a, name = a}
  u[2] = a
  log('%d %d %d %d', #t, #u, #{}, select('#', table.unpack({a, a})))
  u[2] = nil
  return #u == 1 and #{nil, nil} == 0
end
