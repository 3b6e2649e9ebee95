-- Values that do not fit are errors.
local m = map.hash {name = 'm', key = 'u8', value = 'u8', size = 256}

function filter(hdr, pld, pkt)
  if hdr[5] & 1 == 0 then
    m[hdr[8]] = hdr[4] * 2
  else
    m[hdr[8]] = pkt.sport and 5 or true
  end
  return m[hdr[8]] ~= 5
end
