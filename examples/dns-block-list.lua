-- Blocks DNS questions about the names of a long list and everything below them. The list is a module of this folder,
-- blocklist.lua: text with a name on each line. A million names are fine (with --memory 1G).

local net = require 'net'

local blocked = net.dns_names(require 'blocklist')        -- as they stand in packets

function filter(hdr, pld, pkt)
  if pkt.protocol ~= net.protocol.udp or pkt.dport ~= 53 then return end
  local dns, question = pld:layout(net.dns), pld:segment(12, 255)
  if not question or dns.qr ~= 0 then return end
  local last = 0                                     -- of the name: its zero
  while question[last] and question[last] > 0 do last = last + 1 + question[last] end
  local name = tostring(question:segment(0, last + 1)):lower()
  while #name > 0 do
    if blocked[name] then return false end
    name = name:sub(name:byte() + 2)                 -- without its first label: the domain above it
  end
end
