-- A loop with constant bounds.
function filter(hdr, pld, pkt)
  local sum = 0
  for i = 0, 19 do
    sum = sum * 3 + (hdr[i] or 1)
  end
  pkt.mark = (sum ~ sum >> 32) & 0xffffffff
  return sum % 2 == 0
end
