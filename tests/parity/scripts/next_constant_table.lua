-- next: is a constant table empty?
local some, empty = {x = 1}, {}

function filter(hdr, pld, pkt)
  local n = hdr[8]
  if next(empty) == nil then n = n + 1 end
  local key, value = next(some)
  if key == 'x' then n = n + value end
  return n % 2 == 0
end
