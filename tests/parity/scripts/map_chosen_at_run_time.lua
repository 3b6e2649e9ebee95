-- One of two maps, by what the packet is.
local tcp = map.hash {name = 'tcp', key = 'u8', value = 'u32', size = 256}
local other = map.hash {name = 'other', key = 'u8', value = 'u32', size = 256}

function filter(hdr, pld, pkt)
  local m = pkt.protocol == 6 and tcp or other
  return m:add(hdr[5] & 15) % 2 == 0
end
