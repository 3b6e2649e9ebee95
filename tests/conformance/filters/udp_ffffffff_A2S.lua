-- udp.payload[0:5] == ff:ff:ff:ff:54: a Source engine query, in one datagram (-1), of type 'T' (A2S_INFO)
local data = require 'data'
local net = require 'net'
local query = data.layout { packets = { 0, 32, 'signed' }, type = { 32, 8 } }

function filter(hdr, pld, pkt)
  if pkt.protocol ~= net.protocol.udp then return true end
  pld:layout(query)
  return not (pld.packets == -1 and pld.type == ('T'):byte())
end
