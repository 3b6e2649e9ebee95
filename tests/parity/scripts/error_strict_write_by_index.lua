-- Strict: an index beyond the data is named.
local data = require 'data'
data.strict = true

function filter(hdr, pld, pkt)
  local n = hdr[5] & 15
  if n < 8 then pld[n] = pld['none'] end
  if n == 8 then pld[n] = 0.5 end
  pld[n] = 'x'
end
