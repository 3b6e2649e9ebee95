-- pkt.mark is read as it was written; 32 bits of it are kept.
function filter(hdr, pld, pkt)
  local before = pkt.mark
  pkt.mark = before + hdr[5] * 0x1000001
  if pkt.mark > 0x80000000 then
    pkt.mark = 7
  end
  return pkt.mark ~= 7
end
