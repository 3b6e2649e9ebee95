-- expect packet: not enough memory: the script's limit is 64 MiB
-- The classic bomb.
local packets = 0
function filter(hdr, pld)
  packets = packets + 1
  if packets == 1 then
    local s = ('x'):rep(1 << 30)
  end
  return packets ~= 2
end
