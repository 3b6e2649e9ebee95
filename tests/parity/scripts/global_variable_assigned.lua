-- A global variable that the filter assigns.
total = 5

function filter(hdr, pld, pkt)
  total = total + pkt.length
  if total > 10000 then
    total = 0
    return false
  end
  return total % 2 == 0
end
