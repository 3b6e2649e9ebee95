-- Sends everybody who asks for one name to another address: rewrites the IPv4 address in the answers of a DNS server.

local net = require 'net'

local name = '\3www\7example\3com\0'                -- as it stands in the packet: each label behind its length
local address = '192.0.2.99'

-- An answer of type A whose name points back to the question (RFC 1035, 4.1.4).
local answer = data.layout {
  pointer = {0, 16}, type = {16, 16}, class = {32, 16}, ttl = {48, 32}, length = {80, 16}, address = {12, 4, 'ipv4'},
}

function filter(hdr, pld, pkt)
  if pkt.protocol ~= net.protocol.udp or pkt.sport ~= 53 then return end
  local dns = pld:layout(net.dns)
  if dns.qr ~= 1 or dns.ancount == 0 or tostring(dns:segment(12, #name)):lower() ~= name then return end
  local first = dns:segment(12 + #name + 4):layout(answer)     -- behind the question's type and class
  if first.pointer == 0xc00c and first.type == net.dns_type.a then
    first.address = address                                     -- the checksum is put right afterwards
  end
end
