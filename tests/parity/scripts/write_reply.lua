-- A request turned into its own answer.
local net = require 'net'

function filter(hdr, pld, pkt)
  if pkt.version ~= 4 or pkt.protocol ~= net.protocol.udp or not pkt.transport then return end
  local ip = hdr:layout(net.ipv4)
  ip.src, ip.dst = ip.dst, ip.src
  local udp = pkt.transport:layout(net.udp)
  udp.sport, udp.dport = udp.dport, udp.sport
  return 'reply'
end
