-- sub with positions that only the packet knows.
function filter(hdr, pld, pkt)
  local s = tostring(pld)
  local from, to = (hdr[5] & 31) - 8, (hdr[4] & 15) - 4
  local t = s:sub(from, to)
  local u = t:sub(2, #t - 1)
  local x = #t * 100 + #u * 3 + (t:byte() or 0) + (u:byte(-1) or 0)
  pkt.mark = x
  return x % 3 == 0
end
