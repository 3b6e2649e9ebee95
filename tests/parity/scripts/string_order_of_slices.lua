-- Two slices of the packet compared with each other.
function filter(hdr, pld, pkt)
  local a = tostring(hdr:segment(12, 4))
  local b = tostring(hdr:segment(16, 4))
  if a == b then return 'reject' end
  if a < b then return true end
  return a > b and false
end
