-- DNS headers and constants.
local net = require 'net'

function filter(hdr, pld, pkt)
  if pkt.protocol ~= net.protocol.udp or pkt.dport ~= 53 and pkt.sport ~= 53 then return end
  local dns = pld:layout(net.dns)
  if dns.qr == nil then return 'reject' end
  pkt.mark = (dns.id ~ dns.qdcount << 4 ~ dns.ancount << 8 ~ dns.rcode << 12) & 0xffffffff
  return dns.qr == 0 and dns.rd == 1 or dns.rcode == net.dns_rcode.nxdomain
end
