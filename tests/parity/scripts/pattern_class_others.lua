-- %s %S %p %P %c %C %g %G
function filter(hdr, pld, pkt)
  local s = tostring(pld:segment(0, 64))
  local x = (s:find('%s%S') or 0) + (s:find('%p%P') or 0) * 3 + (s:find('%c%c%C') or 0) * 5 + (s:find('%g%g%G') or 0) * 7
      + (s:find('%G%g') or 0) * 11 + (s:find('%C%c') or 0) * 13
  pkt.mark = x
  return x % 2 == 0
end
