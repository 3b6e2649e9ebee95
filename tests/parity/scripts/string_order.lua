-- Strings are compared byte by byte, a prefix is smaller.
function filter(hdr, pld, pkt)
  local a = tostring(pld:segment(0, 8))
  local n = 0
  if a < 'GET' then n = n + 1 end
  if a <= 'HTTP/1.1' then n = n + 2 end
  if a > 'SSH-2.0' then n = n + 4 end
  if a >= '\x80' then n = n + 8 end
  if 'a' < a then n = n + 16 end
  if a < '\0' then n = n + 32 end
  pkt.mark = n
  return n % 3 ~= 0
end
