-- expect packet: (instruction budget spent|time limit reached)
-- Strings are compared piece by piece between their zeros, which takes much longer than copying them.
local a = ('\0'):rep(16 << 20)
local b = a .. 'b'
local packets = 0
function filter(hdr, pld)
  packets = packets + 1
  if packets == 1 then
    local n = 0
    while true do if a < b then n = n + 1 end end
  end
  return packets ~= 2
end
