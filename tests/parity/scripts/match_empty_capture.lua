-- Captures may be empty.
function filter(hdr, pld, pkt)
  local a, b = tostring(pld:segment(0, 30)):match('^(%d*)(%a*)')
  pkt.mark = #a << 8 | #b
  if a == '' and b == '' then return true end
  if a == '' then return false end
  return 'reject'
end
