-- tcp.payload[0:1] == 16 && tcp.payload[5:1] == 01: a segment that begins with a TLS record of a ClientHello
local net = require 'net'

function filter(hdr, pld, pkt)
  if pkt.protocol ~= net.protocol.tcp then return true end
  local record = pld:layout(net.tls_record)
  local handshake = pld:segment(5)
  return not (record.type == net.tls_content.handshake and handshake and
    handshake:layout(net.tls_handshake).type == net.tls_handshake_type.client_hello)
end
