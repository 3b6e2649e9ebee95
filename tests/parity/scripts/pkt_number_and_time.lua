-- pkt.number and pkt.time.
-- only: native
function filter(hdr, pld, pkt)
  pkt.mark = (pkt.number * 7 + pkt.time // 1000) & 0xffffffff
  return pkt.number % 3 ~= 0
end
