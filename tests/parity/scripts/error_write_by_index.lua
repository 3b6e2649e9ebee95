-- An index that comes from the packet is named when nothing can be written there.
local data = require 'data'

function filter(hdr, pld, pkt)
  local n = hdr[5] & 15
  if n < 8 then pld[n] = pld['none'] end
  if n == 8 then pld[n] = 0.5 end
  pld[n] = 'x'
end
