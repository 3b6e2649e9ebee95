-- tcp.payload matches "^SSH-"
local banner = require 'ssh_banner'

function filter(hdr, pld, pkt)
  return not banner.is_ssh(pld, pkt)
end
