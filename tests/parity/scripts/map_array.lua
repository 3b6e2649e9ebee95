-- An array by protocol; indices outside read nil.
local m = map.array {name = 'm', value = 'u32', size = 256}

function filter(hdr, pld, pkt)
  m[pkt.protocol] = m[pkt.protocol] + 1
  local n = m:add(hdr[8], 3)
  if m[256] ~= nil or m[-1] ~= nil then return 'reject' end
  return n % 2 == 0
end
