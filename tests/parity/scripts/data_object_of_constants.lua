-- A data object of the script's own, made at load and read for packets.
-- refused: load-time-object 7
local d = data.new {1, 2, 3, 0xff, 0, 7, 9, 100}
d:layout {a = {0, 16}, b = {24, 8}}

function filter(hdr, pld, pkt)
  local n = d[hdr[5] & 7] + d.a + d.b + #d
  pkt.mark = n
  return n % 2 == 0
end
