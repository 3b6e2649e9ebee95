-- A number that nobody looks at is drawn all the same: the next one is another.
-- only: native
function filter(hdr, pld, pkt)
  random(1)
  if pkt.dport then local unused = random(100) end
  return random(10) > 5
end
