-- expect packet: instruction budget spent: 1000000 instructions per packet
-- Frontiers and lazy repetitions.
local packets = 0
function filter(hdr, pld)
  packets = packets + 1
  if packets == 1 then
    (('a'):rep(3000)):gsub('%f[%w]%w-%w-%w-%f[%W]x', '')
  end
  return packets ~= 2
end
