-- segment at offsets and of lengths that only the packet knows.
local ipv4 = data.layout {ihl = {4, 4}}

function filter(hdr, pld, pkt)
  local ihl = hdr:layout(ipv4).ihl
  local t = hdr:segment(ihl * 4)
  local u = pld:segment(hdr[5] - 10, (hdr[4] & 15) - 1)
  local n = (t and #t or 1000) * 3 + (u and #u or 500)
  if u and #u > 2 then n = n + u[1] end
  pkt.mark = n
  return n % 3 == 0
end
