-- expect packet: (instruction budget spent|time limit reached)
-- A sort without a function of the script's compares strings of megabytes in C.
local long = ('\0'):rep(8 << 20)
local strings = {}
for i = 1, 4000 do strings[i] = i % 2 == 0 and long or '\0' end
strings[4001] = long .. 'x'
strings[4002] = long .. 'y'
local packets = 0
function filter(hdr, pld)
  packets = packets + 1
  if packets == 1 then
    table.sort(strings)
  end
  return packets ~= 2
end
