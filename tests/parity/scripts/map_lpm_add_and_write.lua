-- Counting in networks, and networks written by the filter.
-- refused: lpm-network 12
local m = map.lpm {name = 'nets', key = 'ipv4', value = 'u32', size = 1000}
m['10.0.0.0/8'] = 1
m['192.168.0.0/16'] = 1
m['147.32.0.0/16'] = 1

function filter(hdr, pld, pkt)
  if pkt.version ~= 4 then return end
  local n = m:add(pkt.src, 1)
  if n == nil then
    m[{pkt.src, 24}] = 1
    return false
  end
  return n % 3 ~= 0
end
