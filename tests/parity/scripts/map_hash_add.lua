-- add gives the sum; it wraps at the width of the value.
local m = map.hash {name = 'm', key = 'u8', value = 'u8', size = 256}
local n = map.hash {name = 'n', key = 'u8', value = 'i16', size = 256}

function filter(hdr, pld, pkt)
  local a = m:add(hdr[8], hdr[5])
  local b = n:add(hdr[9], -hdr[5] * 100)
  local c = m:add(hdr[8])
  pkt.mark = (a << 16 | b & 0xffff) & 0xffffffff
  return (a + b + c) % 2 == 0
end
