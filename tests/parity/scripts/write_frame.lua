-- The link header written through pkt.frame.
local net = require 'net'

function filter(hdr, pld, pkt)
  if not pkt.frame then return end
  local eth = pkt.frame:layout(net.ethernet)
  eth.src = '02:00:5e:00:53:01'
  return eth.src == '02:00:5e:00:53:01'
end
