-- Addresses written as text; TCP, UDP and ICMPv6 checksums follow.
local net = require 'net'

function filter(hdr, pld, pkt)
  if pkt.version == 4 then
    hdr:layout(net.ipv4).src = '192.0.2.55'
  elseif pkt.version == 6 then
    hdr:layout(net.ipv6).dst = '2001:db8::55'
  end
  return true
end
