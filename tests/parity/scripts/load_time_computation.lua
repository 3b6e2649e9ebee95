-- What is computed at load is a constant to the filter, whatever it took.
local parts = {}
for word in ('22,80,443,53'):gmatch('%d+') do parts[#parts + 1] = math.tointeger(word) end
table.sort(parts, function(a, b) return a > b end)
local limit = math.floor(10.7 / 3) + #table.concat(parts, ' ')

function filter(hdr, pld, pkt)
  for i = 1, #parts do
    if pkt.dport == parts[i] then return i % 2 == 0 end
  end
  return hdr[8] > limit * 4
end
