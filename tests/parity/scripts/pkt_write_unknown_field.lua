-- Assigning a field that cannot be assigned.
function filter(hdr, pld, pkt)
  if pkt.protocol == 6 then return true end
  pkt.length = 3
end
