-- ipv6.fraghdr
function filter(hdr, pld, pkt)
  return not (pkt.version == 6 and pkt.fragment)
end
