-- A field of the IP header written; the checksum is put right.
local net = require 'net'

function filter(hdr, pld, pkt)
  if pkt.version == 4 then
    local ip = hdr:layout(net.ipv4)
    if ip.ttl > 32 then
      ip.ttl = 32
    else
      ip.dscp = 46
    end
  else
    hdr:layout(net.ipv6).hop_limit = 64
  end
end
