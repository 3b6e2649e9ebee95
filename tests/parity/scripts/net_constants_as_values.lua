-- Tables of constants from net, by name.
local net = require 'net'
local names = {'tcp', 'udp', 'icmp', 'sctp', 'ospf'}

function filter(hdr, pld, pkt)
  for i = 1, #names do
    if pkt.protocol == net.protocol[names[i]] then return i % 2 == 0 end
  end
  return pkt.ethertype == net.ethertype.ipv6
end
