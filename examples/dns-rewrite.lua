-- Sends every client that asks for one name to another address: rewrites the addresses in the answers of a DNS server.

local net = require 'net'

local name = 'www.example.com'
local ipv4, ipv6 = '192.0.2.99', '2001:db8::99'

-- The name as it stands in packets: each label after its length, a zero at the end (RFC 1035, 3.1).
local asked = assert(net.dns_name(name))
local answers = 12 + #asked + 4                -- where they begin: after the header, the name, the question's type and class

-- An answer that does not spell out a name but points back to it (RFC 1035, 4.1.3 and 4.1.4).
local answer = data.layout {
  points = {0, 2}, type = {16, 16}, class = {32, 16}, ttl = {48, 32}, length = {80, 16}, ipv4 = {12, 4, 'ipv4'}, ipv6 = {12, 16, 'ipv6'},
}

function filter(hdr, pld, pkt)
  if pkt.protocol ~= net.protocol.udp or pkt.sport ~= 53 then return end
  local dns, question = pld:layout(net.dns), pld:segment(12, #asked)
  if not question or dns.qr ~= 1 or tostring(question):lower() ~= asked then return end
  local at = answers
  for _ = 1, dns.ancount do
    local record = pld:segment(at)
    if not record or record:layout(answer).points ~= 3 or not record.length then return end
    if record.type == net.dns_type.a and record.length == 4 then
      record.ipv4 = ipv4                                     -- the checksum is put right afterwards
    elseif record.type == net.dns_type.aaaa and record.length == 16 then
      record.ipv6 = ipv6
    end
    at = at + 12 + record.length
  end
end
