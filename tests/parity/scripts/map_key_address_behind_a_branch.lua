-- An address goes past a branch before it is a key.
local seen = map.lru {key = 'ip', value = 'u32', size = 4096}
local names = map.hash {key = 'ipv4', value = 'u8', size = 64}
names['192.0.2.1'] = 1

function filter(hdr, pld, pkt)
  seen:add(pkt.src, (hdr[30] or 6) & 0xff)
  local peer = pkt.src
  if (pkt.sport or 0) < (pkt.dport or 0) then peer = pkt.dst end
  seen:add(peer, 1)
  if pkt.version == 4 then return names[peer] == nil end
end
