-- A remainder by zero is an error at its line.
function filter(hdr, pld, pkt)
  local d = hdr[5] & 7
  local x = 1000
  if hdr[4] > 0 then
    x = x % d
  end
  return x < 3
end
