-- The iterator over a constant has a state of its own on each path: with and without an element of the map.
local seen = map.array {name = 'seen', value = 'i32', size = 4}

function filter(hdr, pld, pkt)
  local key, rounds = hdr[18], 0
  for letter, next in ('HTTP/1.'):gmatch('(.)(.?)') do
    rounds = rounds + 1
    key = seen[(key or 2) & 7]
    log('%s %s %d', letter, next, rounds)
  end
  return rounds == 4
end
