-- tonumber of a number is that number.
function filter(hdr, pld, pkt)
  local n = tonumber(hdr[8]) + (tonumber(pkt.sport or 'none') or 3)
  pkt.mark = n
  return n % 2 == 0
end
