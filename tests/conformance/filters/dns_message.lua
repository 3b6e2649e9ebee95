-- Finds the DNS message in a packet: DNS over UDP and TCP, multicast DNS (RFC 6762), LLMNR (RFC 4795).
local data = require 'data'
local net = require 'net'
local udp_ports = { [53] = true, [5353] = true, [5355] = true }
local over_tcp = data.layout { length = { 0, 16 } }

-- Its header, with the layout net.dns applied; nil when there is none.
return function(pld, pkt)
  local message
  if pkt.protocol == net.protocol.udp and (udp_ports[pkt.sport] or udp_ports[pkt.dport]) then
    message = pld
  elseif pkt.protocol == net.protocol.tcp and (pkt.sport == 53 or pkt.dport == 53) then
    if (pld:layout(over_tcp).length or 0) >= 12 then message = pld:segment(2) end
  end
  if message and #message >= 12 then return message:layout(net.dns) end
end
