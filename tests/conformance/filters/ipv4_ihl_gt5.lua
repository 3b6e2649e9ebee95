-- ip.hdr_len > 20
local net = require 'net'

function filter(hdr, pld, pkt)
  return not (pkt.version == 4 and hdr:layout(net.ipv4).ihl > 5)
end
