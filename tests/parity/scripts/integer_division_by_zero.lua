-- Dividing by zero is an error at its line.
function filter(hdr, pld, pkt)
  local d = hdr[8] & 3
  local x = hdr[4]
  x = x + 100 // d
  return x % 2 == 0
end
