-- math.min, math.max and math.abs of integers.
function filter(hdr, pld, pkt)
  local a, b = hdr[4], hdr[5]
  local x = math.min(a, b, 200) * 1000 + math.max(a, b) + math.abs(a - b)
  pkt.mark = x
  return x % 2 == 0
end
