-- expect packet: (instruction budget spent|time limit reached)
-- A message about an argument looks for the function's name through all globals.
for i = 1, 200000 do _G['g' .. i] = i end
local packets = 0
function filter(hdr, pld)
  packets = packets + 1
  if packets == 1 then
    while true do pcall(string.rep) end
  end
  return packets ~= 2
end
