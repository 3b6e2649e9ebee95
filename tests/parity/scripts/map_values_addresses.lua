-- Addresses as values come back as bytes.
local m = map.hash {name = 'm', key = 'u8', value = 'ip', size = 300}
local w = map.hash {name = 'w', key = 'u8', value = 'mac', size = 300}

function filter(hdr, pld, pkt)
  local before = m[hdr[8]]
  m[hdr[8]] = pkt.src
  w[hdr[8]] = '02:00:5e:00:53:01'
  if before == nil then return 'reject' end
  return before == pkt.src and w[hdr[8]]:byte(1) == 2
end
