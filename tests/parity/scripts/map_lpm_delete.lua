-- Networks deleted by the filter.
-- refused: lpm-network 10
local m = map.lpm {name = 'nets', key = 'ipv4', value = 'bool', size = 1000}
m['192.168.0.0/16'] = true
m['147.32.0.0/16'] = true

function filter(hdr, pld, pkt)
  if pkt.version ~= 4 then return end
  if m[pkt.src] then
    if hdr[5] == 7 then m[{pkt.src, 16}] = nil end
    return false
  end
  if hdr[5] == 9 then m[pkt.src] = true end
end
