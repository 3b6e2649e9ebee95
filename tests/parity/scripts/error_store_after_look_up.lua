-- What does not fit is an error where the element is there, too.
local small = map.hash {name = 'small', key = 'u32', value = 'u8', size = 1000}

function filter(hdr, pld, pkt)
  local key = pkt.length % 50
  local value = small[key] or 250
  small[key] = value + 1
  if value > 252 then small[key] = 'text' end
end
