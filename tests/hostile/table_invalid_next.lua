-- expect packet: invalid key to 'next'
-- A key that is not there.
local packets = 0
function filter(hdr, pld)
  packets = packets + 1
  if packets == 1 then
    next({}, 'nothing')
  end
  return packets ~= 2
end
