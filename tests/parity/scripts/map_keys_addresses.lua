-- Addresses of both versions as keys.
local m = map.hash {name = 'm', key = 'ip', value = 'u32', size = 5000}
local v4 = map.hash {name = 'v4', key = 'ipv4', value = 'u32', size = 5000}
local v6 = map.hash {name = 'v6', key = 'ipv6', value = 'u32', size = 5000}

function filter(hdr, pld, pkt)
  local n = m:add(pkt.src, 1)
  if pkt.version == 4 then
    n = n + v4:add(pkt.dst, 1)
  else
    n = n + v6:add(pkt.dst, 2)
  end
  return n % 3 ~= 0
end
