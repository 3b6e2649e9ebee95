-- Counters read back.
local c = map.counter {name = 'c', key = 'u8', size = 256}
local total = map.counter {name = 'total'}

function filter(hdr, pld, pkt)
  c:add(hdr[5])
  total:add(2)
  if c[hdr[5]] % 2 == 0 then return false end
  return total:get() % 3 ~= 0
end
