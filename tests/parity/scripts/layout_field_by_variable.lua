-- The name of a field in a variable.
local f = data.layout {a = {64, 8}, b = {40, 8}, c = {32, 8}}
local names = {'a', 'b', 'c'}

function filter(hdr, pld, pkt)
  local v = hdr:layout(f)
  local sum = 0
  for i = 1, 3 do sum = sum * 3 + v[names[i]] end
  pkt.mark = sum
  return sum % 2 == 0
end
