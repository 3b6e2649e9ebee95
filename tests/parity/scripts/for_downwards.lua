-- A loop with a negative step.
function filter(hdr, pld, pkt)
  local n = #hdr
  local x = 0
  for i = n - 1, 0, -1 do
    x = x * 257 + hdr[i]
    if x > 1 << 40 then x = x - (1 << 40) end
  end
  for i = 10, -10, -3 do x = x + i end
  pkt.mark = x & 0xffffffff
  return x % 5 < 3
end
