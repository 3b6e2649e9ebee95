-- Loops that run once, never, or end at the largest integer without wrapping around.
function filter(hdr, pld, pkt)
  local n = 0
  local b = hdr[8]
  for i = b, b do n = n + 1 end
  for i = b, b - 1 do n = n + 100 end
  for i = b, b + 1, -1 do n = n + 1000 end
  for i = math.maxinteger - (b & 3), math.maxinteger do n = n + 10 end
  for i = math.mininteger + (b & 1), math.mininteger, -1 do n = n + 7 end
  for i = 1, 0x7fffffffffffffff, 0x4000000000000000 do n = n + 3 end
  pkt.mark = n
  return n & 1 == 0
end
