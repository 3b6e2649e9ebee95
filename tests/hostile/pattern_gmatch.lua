-- expect packet: instruction budget spent: 1000000 instructions per packet
-- The same in an iterator.
local packets = 0
function filter(hdr, pld)
  packets = packets + 1
  if packets == 1 then
    for _ in (('a'):rep(100000)):gmatch('a*a*b') do end
  end
  return packets ~= 2
end
