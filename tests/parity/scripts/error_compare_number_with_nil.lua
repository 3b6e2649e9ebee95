-- Comparing a number with nil.
function filter(hdr, pld, pkt)
  if pkt.sport < 1024 then return true end
  return pld[0] > 100
end
