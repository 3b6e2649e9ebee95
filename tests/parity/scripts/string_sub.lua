-- sub with positions of every kind.
function filter(hdr, pld, pkt)
  local s = tostring(pld:segment(0, 16))
  local n = #s:sub(2) + #s:sub(-3) * 3 + #s:sub(3, 5) * 5 + #s:sub(0) * 7 + #s:sub(-100, 4) * 11 + #s:sub(5, 3) * 13
      + #s:sub(2, -2) * 17 + #s:sub(4, 100) * 19 + #s:sub(-4, -2) * 23 + #s:sub(20) * 29
  if s:sub(1, 3) == 'GET' then n = n + 1 end
  if s:sub(-2) == '\r\n' then n = n + 2 end
  pkt.mark = n
  return n % 2 == 0
end
