-- Strings as values.
local m = map.hash {name = 'm', key = 'u8', value = 'string:6', size = 300}

function filter(hdr, pld, pkt)
  local before = m[hdr[8]]
  m[hdr[8]] = tostring(pld:segment(0, hdr[5] % 7))
  if before == nil then return 'reject' end
  pkt.mark = #before
  return before == 'HTTP/1' or #before % 2 == 0
end
