-- tcp.options.mss_val
local tcp_option = require 'tcp_option'

function filter(hdr, pld, pkt)
  return tcp_option(pkt, 2, 4) == nil
end
