-- TLS records and handshakes.
local net = require 'net'

function filter(hdr, pld, pkt)
  if pkt.protocol ~= net.protocol.tcp then return end
  local record = pld:layout(net.tls_record)
  if record.type ~= net.tls_content.handshake then return record.type == net.tls_content.application_data end
  local handshake = pld:segment(5)
  if not handshake then return false end
  handshake:layout(net.tls_handshake)
  pkt.mark = (handshake.length or 1) << 8 | (handshake.type or 0)
  return handshake.type ~= net.tls_handshake_type.client_hello
end
