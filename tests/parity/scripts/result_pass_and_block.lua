-- 'pass' and 'block' are the same as true and false.
function filter(hdr, pld, pkt)
  local r = hdr[5] & 3
  if r == 0 then return 'pass' end
  if r == 1 then return 'block' end
  if r == 2 then return true end
  return false
end
