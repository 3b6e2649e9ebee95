-- vlan: a frame with an 802.1Q tag, IP or not
function filter(hdr, pld, pkt)
  return pkt.vlan == nil
end
