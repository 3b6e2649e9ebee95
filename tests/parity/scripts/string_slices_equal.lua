-- Slices of different lengths and places are equal when their bytes are.
function filter(hdr, pld, pkt)
  local n = 0
  for i = 0, 15 do
    if tostring(pld:segment(0, 1)) == tostring(hdr:segment(i, 1)) then n = n + 1 end
    if tostring(hdr:segment(i, 2)) == tostring(hdr:segment(i + 2, 2)) then n = n + 16 end
  end
  pkt.mark = n
  return n % 2 == 0
end
