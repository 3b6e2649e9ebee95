-- segment with offsets and lengths of every kind: cut at the end, nil outside.
function filter(hdr, pld, pkt)
  local n = 0
  local a = pld:segment(0)
  local b = pld:segment(2, 4)
  local c = pld:segment(5, 10000)
  local d = pld:segment(#pld)
  local e = pld:segment(#pld + 1)
  local f = pld:segment(-1)
  local g = pld:segment(1, -1)
  local h = pld:segment(0, 0)
  if a then n = n + #a end
  if b then n = n + #b * 3 end
  if c then n = n + #c * 5 end
  if d then n = n + #d + 1 end
  if e or f or g then n = n + 100000 end
  if h then n = n + #h + 2 end
  pkt.mark = n
  return b == nil or n % 2 == 0
end
