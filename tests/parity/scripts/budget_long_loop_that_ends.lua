-- A loop of some thousand rounds is within the budget.
function filter(hdr, pld, pkt)
  local x = hdr[5]
  if (hdr[4] << 8 | hdr[5]) % 16 ~= 0 then return end
  for i = 1, 3000 do x = x * 5 + i & 0xffff end
  pkt.mark = x
  return x % 2 == 0
end
