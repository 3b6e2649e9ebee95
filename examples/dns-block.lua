-- Blocks DNS questions about the names of a list and everything below them (ads.example.net, tracker.ads.example.net).

local net = require 'net'

local blocked = {
  ['ads.example.net'] = true,
  ['telemetry.example.org'] = true,
}

-- Is this name, or a domain above it, on the list?
local function listed(name)
  while name do
    if blocked[name] then return true end
    name = name:match('%.(.*)')
  end
  return false
end

-- The name in the question that follows the DNS header, as text. A name is a run of labels, each behind its length (RFC 1035, 4.1.2).
local function question(dns)
  local labels, at = {}, 12
  while at < #dns and dns[at] > 0 and dns[at] < 64 do
    labels[#labels + 1] = tostring(dns:segment(at + 1, dns[at])):lower()
    at = at + 1 + dns[at]
  end
  return table.concat(labels, '.')
end

function filter(hdr, pld, pkt)
  if pkt.protocol ~= net.protocol.udp or pkt.dport ~= 53 then return end
  local dns = pld:layout(net.dns)
  if dns.qr == 0 and listed(question(dns)) then
    return false
  end
end
