-- random(n): the same numbers from the same seed.
-- only: native
function filter(hdr, pld, pkt)
  local a = random(100)
  if hdr[5] % 4 == 0 then a = a + random(7) end
  pkt.mark = a
  return a > 50
end
