-- pkt.vlan and pkt.ethertype.
function filter(hdr, pld, pkt)
  pkt.mark = (pkt.vlan or 5000) << 16 | (pkt.ethertype or 1)
  if pkt.vlan then return pkt.vlan % 2 == 0 end
  return pkt.ethertype == 0x86dd
end
