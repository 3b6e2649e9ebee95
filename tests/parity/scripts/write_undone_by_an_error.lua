-- An error after a write: the packet leaves as it came.
function filter(hdr, pld, pkt)
  pld[0] = 0
  hdr[8] = 1
  pkt.mark = 99
  if hdr[5] & 1 == 0 then error('changed my mind') end
  return true
end
