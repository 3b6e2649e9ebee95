-- A number is no verdict.
function filter(hdr, pld, pkt)
  if hdr[8] > 64 then
    return hdr[8]
  end
  return true
end
