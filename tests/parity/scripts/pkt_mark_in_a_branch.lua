-- A mark set on some paths only.
function filter(hdr, pld, pkt)
  if pkt.protocol == 17 then
    pkt.mark = 17
  elseif hdr[5] % 2 == 0 then
    pkt.mark = 0
    return false
  end
  return true
end
