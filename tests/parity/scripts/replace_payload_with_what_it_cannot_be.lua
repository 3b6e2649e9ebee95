local kinds = { 1, true, 0.5 }
function filter(hdr, pld, pkt)
  local way = pkt.length % 5
  if way == 0 then pkt.payload = nil end
  if way == 1 then pkt.payload = kinds[1] end
  if way == 2 then pkt.payload = kinds end
  if way == 3 then pkt.payload = pkt.length > 100 end
  pkt.payload = pkt.transport
end
