-- expect packet: (instruction budget spent|time limit reached)
-- Quick instructions first, so that the count is looked at seldom; then slow ones.
local a = ('\0'):rep(8 << 20)
local b = a .. 'b'
local packets = 0
function filter(hdr, pld)
  packets = packets + 1
  if packets == 1 then
    for i = 1, 100000 do local _ = i end
    local n = 0
    while true do
      if a < b then n = n + 1 end
      if a < b then n = n + 1 end
      if a < b then n = n + 1 end
      if a < b then n = n + 1 end
    end
  end
  return packets ~= 2
end
