-- Indexing nil in a local.
function filter(hdr, pld, pkt)
  local t = pkt.transport
  return t[0] > 100
end
