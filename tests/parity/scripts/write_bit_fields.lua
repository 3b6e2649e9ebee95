-- Fields of a few bits written: what is around them stays.
local f = data.layout {ecn = {14, 2}, low = {43, 4}, odd = {39, 3}, cross = {76, 9}}

function filter(hdr, pld, pkt)
  local v = hdr:layout(f)
  v.ecn = 3
  v.odd = v.low
  if pkt.version == 6 then v.cross = 0x1ab end
  pkt.mark = v.odd << 8 | v.low
  return true
end
