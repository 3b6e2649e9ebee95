-- A mark beyond 32 bits.
function filter(hdr, pld, pkt)
  if hdr[5] % 3 == 0 then pkt.mark = 1 << 32 end
  if hdr[5] % 3 == 1 then pkt.mark = -1 end
  return true
end
