-- Integer keys into a constant table of 1,000 entries, some far apart.
local t = {}
for i = 1, 1000 do t[i * i] = i * 7 % 251 end

function filter(hdr, pld, pkt)
  local sum = 0
  for i = 0, 18 do
    local v = t[hdr[i] * 256 + hdr[i + 1]]
    if v then sum = sum + v end
  end
  pkt.mark = sum
  return sum % 2 == 0
end
