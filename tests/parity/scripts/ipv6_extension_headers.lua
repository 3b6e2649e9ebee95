-- Extension headers of IPv6 walked by hand.
local net = require 'net'

function filter(hdr, pld, pkt)
  if pkt.version ~= 6 then return end
  local next, at, n = hdr:layout(net.ipv6).next_header, 40, 0
  while (next == 0 or next == 43 or next == 60) and n < 8 do
    local extension = hdr:segment(at, 8)
    if not extension or #extension < 8 then return 'reject' end
    next = extension[0]
    at = at + (extension[1] + 1) * 8
    n = n + 1
  end
  pkt.mark = next << 8 | n
  return n == 0 and next ~= 58
end
