-- Indexing a number, a boolean.
function filter(hdr, pld, pkt)
  local n, b = hdr[8], pkt.fragment
  if pkt.protocol == 17 then
    return n.x
  elseif pkt.protocol == 1 then
    return b[1]
  end
end
