-- A full lru map forgets the least recently used entry.
-- only: native
local m = map.lru {name = 'recent', key = 'u8', value = 'u32', size = 16}

function filter(hdr, pld, pkt)
  local before = m[hdr[5]]
  m[hdr[5]] = (before or 0) + 1
  return before ~= nil
end
