-- The filter as it was published, on what a host would hand it.
local data = require 'data'

function filter(hdr, pld)
  -- get a segment of the payload
  local seg = pld:segment(0, 255)
  -- convert segment data to string
  local str = tostring(seg)
  -- pattern to capture the software version
  local pattern = 'SSH%-[%w%p]+%-([%w%p]+) ?[%w%p]*\r\n'
  -- get the software version
  local software_version = str:match(pattern)
  if software_version == 'OpenSSH_6.4' then
    -- reject the packet
    return false
  end
  -- accept the packet
  return true
end

local hdr = data.new(40)
-- a banner is far shorter than 255 bytes: the segment must be cut, not refused
assert(filter(hdr, data.new 'SSH-2.0-OpenSSH_6.4\r\n') == false)
assert(filter(hdr, data.new 'SSH-2.0-OpenSSH_6.4 NetBSD\r\n') == false)
assert(filter(hdr, data.new 'SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n') == true)
assert(filter(hdr, data.new 'GET / HTTP/1.1\r\n') == true)
assert(filter(hdr, data.new(('x'):rep(300) .. 'SSH-2.0-OpenSSH_6.4\r\n')) == true) -- beyond the 255 bytes
assert(filter(hdr, hdr:segment(40)) == true) -- an empty payload

-- with strict segments it behaves as it did: no segment, so tostring(nil), so everything passes
data.strict_segments = true
assert(filter(hdr, data.new 'SSH-2.0-OpenSSH_6.4\r\n') == true)
data.strict_segments = nil
