-- Entries that expire.
local m = map.hash {name = 'm', key = 'u8', value = 'u32', size = 256, ttl = 0.5}

function filter(hdr, pld, pkt)
  local before = m[hdr[5] & 7]
  m[hdr[5] & 7] = hdr[8]
  return before == nil
end
