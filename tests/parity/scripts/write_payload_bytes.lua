-- Bytes of the payload written by index; outside nothing happens.
function filter(hdr, pld, pkt)
  pld[0] = 0x58
  pld[1] = hdr[5]
  pld[3] = 0x1234                              -- the low 8 bits
  pld[100000] = 1
  pld[-1] = 1
  pkt.mark = (pld[0] or 7) + (pld[3] or 3) * 256
  return #pld ~= 3
end
