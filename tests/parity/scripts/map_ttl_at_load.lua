-- Entries that the main chunk writes live from the first packet on, as long as others.
local blocked = map.hash {name = 'blocked', key = 'u8', value = 'bool', size = 64, ttl = 3600}
local short = map.hash {name = 'short', key = 'u8', value = 'u32', size = 64, ttl = 0.05}
local recent = map.lru {name = 'recent', key = 'u16', value = 'u32', size = 64, ttl = 0.1, renew = false}
local seen = map.counter {name = 'seen', key = 'u8', size = 64, ttl = 0.2}
for i = 0, 15 do
  if i % 3 == 0 then blocked[i] = true end
  short[i] = i
  recent[i] = 100 + i
  map.add(short, i, 1000)
  seen:add(i, 5)
end

function filter(hdr, pld, pkt)
  local n = pkt.length & 15
  if pkt.length % 5 == 0 then recent[n] = 7 end
  if pkt.length % 7 == 0 then short:add(n, 1) end
  seen:add(n)
  log('%s %s %d', tostring(short[n]), tostring(recent[n]), seen[n])
  return not blocked[n]
end
