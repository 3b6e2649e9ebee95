-- Flags of TCP through a layout, compared in one expression.
local net = require 'net'

function filter(hdr, pld, pkt)
  if pkt.version ~= 4 or pkt.protocol ~= net.protocol.tcp then return true end
  local ip = hdr:layout(net.ipv4)
  local tcp = hdr:segment(ip.ihl * 4):layout(net.tcp)
  return not (tcp.dport == 80 and tcp.syn == 1 and tcp.ack_flag == 0)
end
