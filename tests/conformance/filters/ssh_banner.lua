-- The first bytes of an SSH connection, in either direction (RFC 4253, 4.2). Shared by the filters on banners.
local net = require 'net'
local banner = {}

-- Lower case, because Wireshark's `matches` does not see case.
local function start_of(pld)
  return tostring(pld:segment(0, 255)):lower()
end

function banner.is_ssh(pld, pkt)
  return pkt.protocol == net.protocol.tcp and start_of(pld):find('^ssh%-') ~= nil
end

function banner.is_openssh6(pld, pkt)
  if pkt.protocol ~= net.protocol.tcp then return false end
  local version = start_of(pld):match('^ssh%-(%d%.%d+)%-openssh_6')
  return version == '1.5' or version == '1.99' or version == '2.0'
end

return banner
