-- Layouts of IPv4 and IPv6 from net.
local net = require 'net'

function filter(hdr, pld, pkt)
  if pkt.version == 4 then
    local ip = hdr:layout(net.ipv4)
    pkt.mark = (ip.ihl + ip.dscp + ip.length * 3 + ip.id * 5 + ip.flags + ip.fragment_offset + ip.ttl + ip.checksum * 7) & 0xffffffff
    return ip.df == 1 and ip.mf == 0
  elseif pkt.version == 6 then
    local ip = hdr:layout(net.ipv6)
    pkt.mark = (ip.traffic_class + ip.flow_label * 3 + ip.length * 5 + ip.next_header + ip.hop_limit) & 0xffffffff
    return ip.flow_label == 0
  end
end
