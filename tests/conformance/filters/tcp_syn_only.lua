-- tcp.flags.syn == 1 && tcp.flags.ack == 0
local net = require 'net'

function filter(hdr, pld, pkt)
  if pkt.protocol ~= net.protocol.tcp or not pkt.transport then return true end
  local tcp = pkt.transport:layout(net.tcp)
  return not (tcp.syn == 1 and tcp.ack_flag == 0)
end
