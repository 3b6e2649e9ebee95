-- and/or in the return statement, where the result may be nil, false or a number.
function filter(hdr, pld, pkt)
  return pkt.dport and (pkt.dport < 1024 or nil)
end
