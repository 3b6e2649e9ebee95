-- What was written to a map before an error stays written.
local m = map.hash {name = 'm', key = 'u8', value = 'u32', size = 256}

function filter(hdr, pld, pkt)
  m:add(hdr[5] & 15)
  if hdr[5] & 3 == 0 then error('after the write') end
  return m[hdr[5] & 15] % 2 == 0
end
