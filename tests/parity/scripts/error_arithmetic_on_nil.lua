-- Arithmetic on nil: a local, a field, a byte outside.
function filter(hdr, pld, pkt)
  local port = pkt.sport
  if hdr[5] & 3 == 0 then
    return port + 1 > 2
  elseif hdr[5] & 3 == 1 then
    return pld[20] * 2 > 100
  elseif hdr[5] & 3 == 2 then
    return 10 - pkt.dport > 0
  end
end
