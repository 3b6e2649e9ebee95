-- Loops in loops, the inner one bounded by the outer one's variable.
function filter(hdr, pld, pkt)
  local n = 0
  for i = 0, 9 do
    local k = i
    while k > 0 do
      if hdr[k] > hdr[i] then n = n + 1 end
      k = k // 2
    end
    for j = i + 1, 10, 2 do
      if hdr[i] == hdr[j] then n = n + 16 end
    end
  end
  pkt.mark = n
  return n % 2 == 0
end
