-- expect packet: instruction budget spent: 1000000 instructions per packet
-- Backtracking at every byte of a long subject.
local packets = 0
function filter(hdr, pld)
  packets = packets + 1
  if packets == 1 then
    local s = ('a'):rep(100000)
    s:gsub('.-.-.-b', '')
  end
  return packets ~= 2
end
