-- ip.flags.mf == 1 || ip.frag_offset > 0
local net = require 'net'

function filter(hdr, pld, pkt)
  if pkt.version ~= 4 then return true end
  hdr:layout(net.ipv4)
  return not (hdr.mf == 1 or hdr.fragment_offset > 0)
end
