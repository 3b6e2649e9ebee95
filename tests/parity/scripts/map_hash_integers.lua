-- A hash map: reading, writing, absent keys.
local m = map.hash {name = 'm', key = 'u16', value = 'u32', size = 4096}

function filter(hdr, pld, pkt)
  local key = hdr[4] << 4 | hdr[8] & 15
  local before = m[key]
  m[key] = (before or 0) + hdr[5]
  if before == nil then return true end
  return before % 2 == 0
end
