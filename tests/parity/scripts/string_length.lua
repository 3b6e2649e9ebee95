-- The length of slices, by # and by len.
function filter(hdr, pld, pkt)
  local s = tostring(pld)
  local t = s:sub(2, -3)
  local n = #s * 3 + t:len() + string.len(s:sub(-5)) + #tostring(hdr)
  pkt.mark = n
  return n % 4 == 0
end
