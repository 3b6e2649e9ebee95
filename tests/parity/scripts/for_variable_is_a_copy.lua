-- Assigning the loop's variable does not change the loop.
function filter(hdr, pld, pkt)
  local n = 0
  for i = 1, 5 do
    local j = i
    i = i * hdr[8]
    n = n + i + j
  end
  pkt.mark = n & 0xffff
  return n % 4 == 0
end
