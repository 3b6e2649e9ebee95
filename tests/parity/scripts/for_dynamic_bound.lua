-- A loop up to a bound of the packet.
function filter(hdr, pld, pkt)
  local n = #pld
  if n > 200 then n = 200 end
  local sum = 0
  for i = 0, n - 1 do
    sum = (sum << 5 | sum >> 59) ~ pld[i]
  end
  pkt.mark = (sum ~ sum >> 32) & 0xffffffff
  return sum & 3 ~= 1
end
