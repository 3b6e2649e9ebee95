-- Values of several parts come back as a table.
local m = map.hash {name = 'm', key = 'u8', value = {'u16', 'bool', 'i32'}, size = 300}

function filter(hdr, pld, pkt)
  local v = m[hdr[8]]
  m[hdr[8]] = {hdr[5] * 7, hdr[5] % 2 == 0, -hdr[4]}
  if not v then return end
  pkt.mark = v[1]
  if v[2] then return v[3] > -100 end
  return v[1] % 2 == 0
end
