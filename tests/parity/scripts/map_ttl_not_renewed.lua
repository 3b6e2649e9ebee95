-- Windows: the time to live starts with the first write.
local m = map.lru {name = 'm', key = 'ip', value = 'u32', size = 1000, ttl = 0.2, renew = false}

function filter(hdr, pld, pkt)
  return m:add(pkt.src, 1) <= 3
end
