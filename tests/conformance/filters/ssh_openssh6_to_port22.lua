-- tcp.dstport == 22 && tcp.payload matches "^SSH-(1\.5|1\.99|2\.0)-OpenSSH_6"
local banner = require 'ssh_banner'

function filter(hdr, pld, pkt)
  return not (pkt.dport == 22 and banner.is_openssh6(pld, pkt))
end
