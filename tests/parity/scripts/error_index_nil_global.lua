-- Indexing a global that is not there.
function filter(hdr, pld, pkt)
  if pkt.protocol == 17 then
    return nowhere.x == 1
  end
  return true
end

nowhere = nil  -- meant to be
