-- Addresses as text in a log line.
local net = require 'net'

function filter(hdr, pld, pkt)
  if hdr[5] % 8 == 1 then
    log('%s > %s port %s', net.ip(pkt.src), net.ip(pkt.dst), tostring(pkt.dport))
  end
end
