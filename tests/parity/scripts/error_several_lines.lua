-- Errors of one statement that spans lines.
function filter(hdr, pld, pkt)
  return (pkt.sport
    or 5) +
    pld[3] *
    pld[40] > 1000
end
