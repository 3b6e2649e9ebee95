-- pkt.truncated: captures cut by their snap length.
-- only: native
function filter(hdr, pld, pkt)
  if pkt.truncated then return false end
  return #pld % 2 == 0
end
