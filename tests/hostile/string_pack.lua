-- expect packet: (not enough memory|instruction budget spent|too large|out of limits)
-- Padding of two gigabytes.
local packets = 0
function filter(hdr, pld)
  packets = packets + 1
  if packets == 1 then
    local s = string.pack('c2000000000', 'x')
  end
  return packets ~= 2
end
