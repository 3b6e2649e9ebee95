-- d[i] with an index of the packet, negative ones included.
function filter(hdr, pld, pkt)
  local at = hdr[5] - 20
  local a, b = pld[at], hdr[at]
  if a == nil and b == nil then return end
  pkt.mark = (a or 256) << 16 | (b or 256)
  return (a or 1) > (b or 0)
end
