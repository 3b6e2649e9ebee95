-- get and set as methods and as functions.
local m = map.hash {name = 'm', key = 'u8', value = 'u16', size = 256}

function filter(hdr, pld, pkt)
  local a = m:get(hdr[8])
  m:set(hdr[8], hdr[5])
  local b = map.get(m, hdr[5])
  map.set(m, hdr[5], hdr[8])
  return (a or 1) > (b or 2)
end
