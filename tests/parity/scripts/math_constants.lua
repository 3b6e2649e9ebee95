-- Constants of math, and math.ult.
function filter(hdr, pld, pkt)
  local a = hdr[8] - 64
  local n = 0
  if math.ult(a, 100) then n = n + 1 end
  if a > math.mininteger and a < math.maxinteger then n = n + 2 end
  if math.type(a) == 'integer' then n = n + 4 end
  pkt.mark = n
  return n == 7
end
