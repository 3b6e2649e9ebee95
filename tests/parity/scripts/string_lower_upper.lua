-- lower and upper change ASCII letters and nothing else.
function filter(hdr, pld, pkt)
  local s = tostring(pld:segment(0, 32))
  local l, u = s:lower(), s:upper()
  local x = 0
  for i = 1, #l do x = x * 31 + l:byte(i) * 3 + u:byte(i) end
  pkt.mark = (x ~ x >> 32) & 0xffffffff
  if l:sub(1, 4) == 'ssh-' then return false end
  if u:find('HTTP', 1, true) then return 'reject' end
  return l == u
end
