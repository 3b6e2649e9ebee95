-- pkt.sport and pkt.dport, nil where there are none.
function filter(hdr, pld, pkt)
  if pkt.sport == nil then return pkt.dport == nil and false end
  pkt.mark = pkt.sport << 16 | pkt.dport
  return pkt.sport < pkt.dport
end
