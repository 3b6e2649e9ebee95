-- gmatch of what may be empty goes on by one byte.
function filter(hdr, pld, pkt)
  local n, sum = 0, 0
  for at in tostring(pld:segment(0, 30)):gmatch('()%d*') do
    n = n + 1
    sum = sum + at
  end
  pkt.mark = n << 16 | sum
  return n % 2 == 0
end
