-- gmatch over a text known at load, while the paths part in its rounds.
local sums = map.array {name = 'sums', value = 'i32', size = 64}
function filter(hdr, pld, pkt)
  local seen, at = '', hdr[18]
  local rounds = 0
  for byte in ('HTTP/1.'):gmatch('.') do
    rounds = rounds + 1
    log('%s', byte)
    at = sums[at & 63]
  end
  for one, other in ('HTTP/1.'):gmatch('(.)(.?)') do
    rounds = rounds + #one + #other
    if pld[rounds] then seen = one end
  end
  for place in ('a,b'):gmatch('()x*') do
    if place > 2 then rounds = rounds + (hdr[place] or 1) end
  end
  pkt.mark = rounds
  return seen == '.'
end
