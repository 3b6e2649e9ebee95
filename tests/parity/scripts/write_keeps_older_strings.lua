-- A string taken before a write does not change with it.
function filter(hdr, pld, pkt)
  if #pld < 4 then return end
  local before = tostring(pld:segment(0, 4))
  pld[0] = 0
  pld[1] = 255
  pkt.mark = before:byte(1) << 8 | before:byte(2)
  return before ~= tostring(pld:segment(0, 4)) and before:sub(1, 1) ~= '\0'
end
