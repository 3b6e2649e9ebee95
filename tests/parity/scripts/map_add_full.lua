-- add to a full map is an error too.
local m = map.hash {name = 'few', key = 'u8', value = 'u32', size = 7}

function filter(hdr, pld, pkt)
  return m:add(hdr[5] & 7) % 3 == 0
end
