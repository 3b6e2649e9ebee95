-- dns.flags.response == 1
local dns_message = require 'dns_message'

function filter(hdr, pld, pkt)
  local message = dns_message(pld, pkt)
  return not (message and message.qr == 1)
end
