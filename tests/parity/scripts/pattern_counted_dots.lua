-- A pattern that would need very many states as an automaton of its own.
function filter(hdr, pld, pkt)
  local a = tostring(pld:segment(0, 200)):find('e............%d')
  if a then
    pkt.mark = a
    return a % 2 == 0
  end
end
