-- segment() is the whole view; nil arguments count as left out.
function filter(hdr, pld, pkt)
  local a = pld:segment()
  local b = hdr:segment(nil, 4)
  local c = hdr:segment(4, nil)
  local n = #a * 7 + #b * 3 + #c
  pkt.mark = n
  return n % 2 == 1
end
