-- What was assigned before an error stays.
local n = 0

function filter(hdr, pld, pkt)
  n = n + 1
  if hdr[5] & 3 == 0 then error('now') end
  n = n + 10
  return n % 4 < 2
end
