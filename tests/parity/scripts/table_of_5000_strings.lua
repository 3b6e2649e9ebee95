-- String keys into a constant table of 5,000 entries.
local t = {}
for i = 0, 4999 do
  local a, b = i * 13 % 256, i * 7 // 5 % 256
  t[string.char(a, b)] = i
end

function filter(hdr, pld, pkt)
  local n = 0
  for i = 0, 18, 2 do
    local s = tostring(hdr:segment(i, 2))
    local v = t[s]
    if v then n = n + v end
  end
  pkt.mark = n
  return n % 2 == 1
end
