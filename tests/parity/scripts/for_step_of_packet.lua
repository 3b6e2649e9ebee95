-- A loop whose step only the packet knows; zero is an error.
function filter(hdr, pld, pkt)
  local step = (hdr[5] & 3) - 1                -- -1, 0, 1, 2
  local n = 0
  for i = 0, 12, step do
    n = n + i
    if n > 1000 then break end
  end
  return n % 2 == 0
end
