-- Only the first result counts.
function filter(hdr, pld, pkt)
  if hdr[5] & 1 == 0 then return false, true end
  return nil, 'block'
end
