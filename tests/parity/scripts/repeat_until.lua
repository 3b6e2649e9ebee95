-- repeat runs once at least, and its condition sees the body's locals.
function filter(hdr, pld, pkt)
  local i = 0
  local sum = 0
  repeat
    local b = hdr[i]
    sum = sum + b
    i = i + 1
  until b == 0 or i >= 20
  pkt.mark = i << 16 | sum
  return i > 2
end
