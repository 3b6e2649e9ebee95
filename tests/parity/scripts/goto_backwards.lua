-- goto as a loop of its own.
function filter(hdr, pld, pkt)
  local i, x = 0, hdr[5]
  ::again::
  x = x * 5 + 1 & 0xff
  i = i + 1
  if x ~= 3 and i < 50 then goto again end
  if i == 50 then goto out end
  x = x + i
  ::out::
  pkt.mark = x << 8 | i
  return i < 25
end
