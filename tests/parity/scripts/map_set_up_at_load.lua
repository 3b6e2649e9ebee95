-- Entries written while the script loads.
local blocked = map.hash {name = 'blocked', key = 'ip', value = 'bool', size = 100}
blocked['192.168.1.2'] = true
blocked['10.0.0.1'] = false
blocked['2001:db8::1'] = true
local ports = map.hash {name = 'ports', key = 'u16', value = 'u8', size = 100}
for i = 1, 60 do ports[i * 10] = i end

function filter(hdr, pld, pkt)
  if blocked[pkt.src] then return false end
  local p = ports[pkt.dport]
  if p then return p % 2 == 0 end
end
