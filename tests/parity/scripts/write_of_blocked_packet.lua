-- Writes to packets that do not pass.
function filter(hdr, pld, pkt)
  pld[0] = 0
  hdr[1] = 4
  if hdr[5] & 1 == 0 then return false end
  if hdr[5] & 2 == 0 then return 'reject' end
end
