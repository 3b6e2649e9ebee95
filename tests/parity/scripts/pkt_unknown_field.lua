-- A field that pkt does not have is an error with a suggestion.
function filter(hdr, pld, pkt)
  if pkt.protocol == 17 then
    return pkt.dstport == 53
  end
  return pkt.dport ~= 80
end
