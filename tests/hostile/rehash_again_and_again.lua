-- expect packet: (instruction budget spent|time limit reached|not enough memory)
-- A full table is counted and rebuilt whenever a new key comes.
local t = {}
for i = 0, (1 << 18) - 1 do t[i + 0.5] = true end
local packets = 0
function filter(hdr, pld)
  packets = packets + 1
  if packets == 1 then
    local i = 0
    while true do
      t[i] = nil
      i = i + 1
      t[-i] = true
    end
  end
  return packets ~= 2
end
