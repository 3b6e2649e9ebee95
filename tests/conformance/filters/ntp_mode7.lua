-- ntp.flags.mode == 7: a private request or answer (ntpdc), as amplification attacks use it
local data = require 'data'
local net = require 'net'
local ntp = data.layout { leap = { 0, 2 }, version = { 2, 3 }, mode = { 5, 3 } }

function filter(hdr, pld, pkt)
  local is_ntp = pkt.protocol == net.protocol.udp and (pkt.sport == 123 or pkt.dport == 123)
  return not (is_ntp and pld:layout(ntp).mode == 7)
end
