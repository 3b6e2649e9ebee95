-- expect packet: (instruction budget spent|time limit reached)
-- Running out of memory, caught, again and again.
local packets = 0
function filter(hdr, pld)
  packets = packets + 1
  if packets == 1 then
    while true do
      pcall(string.rep, 'x', 1 << 40)
      pcall(function() local t = {} for i = 1, 1e9 do t[i] = {} end end)
    end
  end
  return packets ~= 2
end
