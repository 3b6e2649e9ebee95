-- pkt:pass(), pkt:block(), pkt:reject() as results.
function filter(hdr, pld, pkt)
  if pkt.protocol == 17 then return pkt:block() end
  if pkt.dport == 80 then return pkt:reject() end
  return pkt:pass()
end
