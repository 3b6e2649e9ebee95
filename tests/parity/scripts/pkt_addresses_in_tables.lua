-- pkt.src as key of a constant table of addresses.
local net = require 'net'
local known = {}
for _, text in ipairs {'192.168.1.1', '192.168.1.2', '147.32.84.165', '10.0.0.1', '2001:db8::1', '::1', '255.255.255.255'} do
  known[net.bytes(text)] = text
end

function filter(hdr, pld, pkt)
  local name = known[pkt.src]
  if name then return #name % 2 == 0 end
  if known[pkt.dst] then return 'reject' end
end
