-- Arrays of other shapes start with zeros.
local a = map.array {name = 'a', value = 'i16', size = 256}
local b = map.array {name = 'b', value = 'bool', size = 256}

function filter(hdr, pld, pkt)
  local n = a[hdr[5]]
  a[hdr[5]] = n - 3
  b[hdr[8]] = not b[hdr[8]]
  return n < 0 and b[hdr[8]] or n == 0
end
