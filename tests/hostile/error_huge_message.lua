-- expect packet: bytes in all
-- A message of a megabyte.
local packets = 0
function filter(hdr, pld)
  packets = packets + 1
  if packets == 1 then
    error(('x'):rep(1 << 20), 0)
  end
  return packets ~= 2
end
