-- expect packet: (instruction budget spent|time limit reached)
-- Each mention of ... copies hundreds of thousands of values.
local t = {}
for i = 1, 200000 do t[i] = i end
local packets = 0
function filter(hdr, pld)
  packets = packets + 1
  if packets == 1 then
    local function f(...)
      local n = 0
      while true do n = n + select('#', ...) + select('#', ...) end
    end
    f(table.unpack(t))
  end
  return packets ~= 2
end
