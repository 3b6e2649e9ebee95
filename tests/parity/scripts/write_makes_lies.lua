-- A header whose lengths lie afterwards is an error.
local net = require 'net'

function filter(hdr, pld, pkt)
  if pkt.version == 4 and hdr[5] % 3 == 0 then
    hdr:layout(net.ipv4).length = 60000
  elseif pkt.protocol == 6 and pkt.transport and hdr[5] % 3 == 1 then
    pkt.transport:layout(net.tcp).data_offset = 2
  end
  return true
end
