-- d[i]: bytes of headers and payload; outside is nil.
function filter(hdr, pld, pkt)
  local x = (hdr[0] or 0) + (hdr[19] or 0) * 3 + (hdr[39] or 1) * 5 + (pld[0] or 2) * 7 + (pld[1] or 3) * 11
  if pld[-1] == nil then x = x + 1 end
  if hdr[#hdr] == nil then x = x + 2 end
  if hdr[100000] == nil then x = x + 4 end
  pkt.mark = x
  return x % 2 == 0
end
