-- Entries deleted with nil.
local m = map.hash {name = 'm', key = 'u8', value = 'u8', size = 256}

function filter(hdr, pld, pkt)
  local k = hdr[5]
  if m[k] then
    m[k] = nil
    if m[k] == nil then return false end
    return 'reject'
  end
  m[k] = hdr[8]
  m[k ~ 1] = nil
  return true
end
