-- expect packet: (instruction budget spent|time limit reached|not enough memory|too many results)
-- As many results as a string has bytes.
local s = ('x'):rep(1 << 20)
local packets = 0
function filter(hdr, pld)
  packets = packets + 1
  if packets == 1 then
    while true do pcall(string.unpack, ('b'):rep(100000), s) end
  end
  return packets ~= 2
end
