-- An lru map that never fills up.
local m = map.lru {name = 'm', key = 'ip', value = 'u32', size = 65536}

function filter(hdr, pld, pkt)
  return m:add(pkt.src, 1) % 5 ~= 0
end
