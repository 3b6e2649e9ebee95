-- Blocks DNS questions about the names of a list and everything below them (ads.example.net, tracker.ads.example.net).

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
  if question and dns.qr == 0 and listed(name_of(question)) then
    return false
  end
end
