-- ^ and $, both, and where they are ordinary characters.
function filter(hdr, pld, pkt)
  local s = tostring(pld:segment(0, 100))
  local n = 0
  if s:find('^%u+') then n = n + 1 end
  if s:find('\r\n$') then n = n + 2 end
  if s:find('^$') then n = n + 4 end
  if s:find('^%s*$') then n = n + 8 end
  if s:find('a^') then n = n + 16 end
  if s:find('$%d') then n = n + 32 end
  if s:find('^[\0-\x7f]*$') then n = n + 64 end
  pkt.mark = n
  return n < 64
end
