-- expect packet: instruction budget spent: 1000000 instructions per packet
-- Exponential backtracking inside one call of a C function.
local packets = 0
function filter(hdr, pld)
  packets = packets + 1
  if packets == 1 then
    local s = ('a'):rep(250)
    s:match(('a-'):rep(20) .. 'b')
  end
  return packets ~= 2
end
