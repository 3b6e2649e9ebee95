-- ip.ttl <= 1
local net = require 'net'

function filter(hdr, pld, pkt)
  return not (pkt.version == 4 and hdr:layout(net.ipv4).ttl <= 1)
end
