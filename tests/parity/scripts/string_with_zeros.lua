-- Strings with zero and high bytes are strings like any others.
function filter(hdr, pld, pkt)
  local s = tostring(hdr:segment(0, 2))
  if s == '\x45\0' then return #s == 2 end
  if s == '\x60\0' then return false end
  return tostring(pld) == ''
end
