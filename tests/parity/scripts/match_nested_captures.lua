-- Captures inside captures.
function filter(hdr, pld, pkt)
  local all, first, second = tostring(pld:segment(0, 80)):match('((%a+)[ :]+(%w+))')
  if not all then return end
  pkt.mark = #all << 16 | #first << 8 | #second
  return #first > #second
end
