-- wg.type == 1: WireGuard's handshake initiation, 148 bytes long
local data = require 'data'
local net = require 'net'
local wireguard = data.layout { type = { 0, 32, 'number', 'little' } }

function filter(hdr, pld, pkt)
  return not (pkt.protocol == net.protocol.udp and #pld == 148 and pld:layout(wireguard).type == 1)
end
