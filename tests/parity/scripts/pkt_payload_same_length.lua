-- pkt.payload assigned with as many bytes as there were.
function filter(hdr, pld, pkt)
  if #pld == 0 then return end
  local s = tostring(pld:segment(0, 8))
  if #pld == 8 then pkt.payload = s:upper() end
  return #s == 8
end
