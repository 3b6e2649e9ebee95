-- Indexing nil in a field of pkt.
function filter(hdr, pld, pkt)
  return pkt.transport[0] % 2 == 0
end
