-- error with a text: the place in front, or none with level 0.
function filter(hdr, pld, pkt)
  if hdr[5] & 3 == 0 then error('no good') end
  if hdr[5] & 3 == 1 then
    error('without a place', 0)
  end
  return true
end
