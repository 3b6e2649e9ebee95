-- require gives the modules data and net.
local data = require 'data'
local net = require 'net'
local f = data.layout {kind = {0, 8}}

function filter(hdr, pld, pkt)
  if pkt.protocol == net.protocol.icmp and pkt.transport then
    return pkt.transport:layout(f).kind == net.icmp_type.echo_reply
  end
end
