-- Writing outside of an array is an error.
local m = map.array {name = 'm', value = 'u32', size = 200}

function filter(hdr, pld, pkt)
  m[hdr[5]] = 1
  return m[hdr[8]] == 1
end
