-- Bitwise operators on nil.
function filter(hdr, pld, pkt)
  if pkt.protocol ~= 6 then
    return pkt.sport & 1 == 0
  end
  return pld[0] << 1 > 100
end
