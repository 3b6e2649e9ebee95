-- Answers DNS questions about the names of a list, and everything below them, with "no such name" (RFC 1035, 4.1.1), at the
-- place where they arrive: no server sees them, and no client waits for an answer that never comes.
--
--   perilune load no-ads dns-nxdomain.lua --at xdp:eth0        (tc:eth0:in serves as well)

local net = require 'net'

-- As the names stand in packets: each label after its length, a zero at the end (RFC 1035, 3.1).
local blocked = net.dns_names [[
  ads.example.net
  telemetry.example.org
]]

-- The name that a question begins with, up to its zero.
local function name_of(question)
  local last = 0
  while question[last] and question[last] > 0 do last = last + 1 + question[last] end
  return tostring(question:segment(0, last + 1)):lower()
end

-- Is this name, or a domain above it, on the list?
local function listed(name)
  while #name > 0 do
    if blocked[name] then return true end
    name = name:sub(name:byte() + 2)               -- without its first label
  end
  return false
end

function filter(hdr, pld, pkt)
  if pkt.protocol ~= net.protocol.udp or pkt.dport ~= 53 then return end
  local dns, question = pld:layout(net.dns), pld:segment(12, 255)     -- after the header; a name has 255 bytes at most
  if not question or dns.qr ~= 0 or dns.opcode ~= 0 or dns.qdcount ~= 1 then return end
  local name = name_of(question)
  local last = 12 + #name + 4                                         -- of the question: its type and class follow the name
  if #pld < last or not listed(name) then return end

  local ip, udp = hdr:layout(pkt.version == 4 and net.ipv4 or net.ipv6), pkt.transport:layout(net.udp)
  ip.src, ip.dst = ip.dst, ip.src
  udp.sport, udp.dport = udp.dport, udp.sport
  dns.qr, dns.aa, dns.ra, dns.rcode = 1, 0, 1, 3
  dns.ancount, dns.nscount, dns.arcount = 0, 0, 0
  pkt.payload = pld:segment(0, last)                                  -- nothing after the question: lengths and checksums follow
  return 'reply'
end
