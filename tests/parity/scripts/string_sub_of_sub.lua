-- A slice of a slice of a slice.
function filter(hdr, pld, pkt)
  local s = tostring(pld):sub(3, 60):sub(2):sub(-40, -2)
  if #s < 10 then return true end
  local x = s:byte(1) * 256 + s:byte(#s)
  pkt.mark = x
  return s:sub(1, 1) ~= s:sub(-1)
end
