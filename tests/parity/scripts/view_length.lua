-- Lengths of views, empty ones included.
function filter(hdr, pld, pkt)
  local n = #hdr + #pld * 3 + #hdr:segment(20) * 5 + #pld:segment(#pld) * 7
  pkt.mark = n
  return #hdr > 30 and #pld ~= 0
end
