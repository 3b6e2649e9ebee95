-- data.strict_segments: a length past the end gives nil.
data.strict_segments = true

function filter(hdr, pld, pkt)
  local a = pld:segment(0, 50)
  local b = hdr:segment(0, 20)
  if a == nil then return false end
  return #a == 50 and #b == 20 and a[49] % 2 == 0
end
