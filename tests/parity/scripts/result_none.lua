-- nil and nothing: no opinion.
function filter(hdr, pld, pkt)
  if hdr[5] & 3 == 0 then return end
  if hdr[5] & 3 == 1 then return nil end
  if hdr[5] & 3 == 2 then return false end
end
