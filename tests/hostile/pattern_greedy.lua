-- expect packet: instruction budget spent: 1000000 instructions per packet
-- Polynomial backtracking of high degree.
local packets = 0
function filter(hdr, pld)
  packets = packets + 1
  if packets == 1 then
    local s = ('a'):rep(5000)
    s:find('.*.*.*.*x')
  end
  return packets ~= 2
end
