-- Methods on constant strings.
local name = 'Perilune'

function filter(hdr, pld, pkt)
  local n = name:len() + (name:byte(hdr[5] & 7) or 0)
  local sub = name:sub(hdr[4] & 7)
  pkt.mark = n * 16 + #sub
  return sub:lower() ~= 'lune' and n % 2 == 0
end
