-- The empty string: equal to an empty payload, shorter than any other.
function filter(hdr, pld, pkt)
  local s = tostring(pld)
  if s == '' then return false end
  if s:sub(3, 2) == '' and s:len() > 0 then return s:sub(1, 0) < s end
end
