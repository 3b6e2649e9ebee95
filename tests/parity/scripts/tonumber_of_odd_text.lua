-- tonumber of what is no number gives nil; spaces around and hexadecimal digits are fine.
-- refused: tonumber 6
function filter(hdr, pld, pkt)
  local s = tostring(pld:segment(0, 4))
  local t = s:match('^%s*%-?%d%d?%s*$') or s:match('^0x%x+$') or s:match('^[%a%s]+$') or s:sub(1, 0)
  local n = tonumber(t)
  if n == nil then return t == '' end
  pkt.mark = n & 0xffffffff
  return n > 20
end
