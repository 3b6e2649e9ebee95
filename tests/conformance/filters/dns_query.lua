-- dns.flags.response == 0
local dns_message = require 'dns_message'

function filter(hdr, pld, pkt)
  local message = dns_message(pld, pkt)
  return not (message and message.qr == 0)
end
