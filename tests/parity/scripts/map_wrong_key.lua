-- Keys that no entry can have read nil; of the wrong type they are errors.
local m = map.hash {name = 'm', key = 'u8', value = 'u8', size = 256}

function filter(hdr, pld, pkt)
  if m[hdr[5] * 2] == 7 then return false end
  if hdr[5] == 200 then return m[tostring(hdr)] end
  m[hdr[5] + 10] = 7
  return true
end
