-- ICMP and ICMPv6 headers written; their checksums follow.
local net = require 'net'

function filter(hdr, pld, pkt)
  if pkt.protocol == net.protocol.icmp and pkt.transport then
    local icmp = pkt.transport:layout(net.icmp)
    icmp.id = icmp.id + 1
  elseif pkt.protocol == net.protocol.icmpv6 and pkt.transport then
    pkt.transport:layout(net.icmpv6).code = 0
  end
  return pkt.protocol ~= 1 or #pld > 0
end
