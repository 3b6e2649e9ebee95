-- tcp.options.timestamp.tsval
local tcp_option = require 'tcp_option'

function filter(hdr, pld, pkt)
  return tcp_option(pkt, 8, 10) == nil
end
