-- tonumber in base 16, 8 and 2.
function filter(hdr, pld, pkt)
  local s = tostring(pld:segment(0, 60))
  local hex = s:match('%x%x+')
  local n = hex and tonumber(hex:sub(1, 6), 16) or 0
  local m = tonumber(s:match('%d%d?') or '', 8)
  local x = n * 2 + (m or 1)
  pkt.mark = x & 0xffffffff
  return x % 3 == 0
end
