-- Ports written through pkt.transport.
local net = require 'net'

function filter(hdr, pld, pkt)
  if pkt.protocol == 6 then
    local tcp = pkt.transport:layout(net.tcp)
    tcp.dport = tcp.dport + 1
    tcp.window = 1000
    tcp.psh = 0
  elseif pkt.protocol == 17 and pkt.transport then
    pkt.transport:layout(net.udp).sport = 4000
  end
end
