-- Blocks SSH clients and servers whose version is known to be vulnerable, on any port.
-- The table may as well be read from a file of the script's folder: local vulnerable = require 'vulnerable'

local vulnerable = {
  ['OpenSSH_5.3'] = 'CVE-2016-0777',
  ['OpenSSH_6.4'] = 'CVE-2016-0777',
  ['OpenSSH_6.6'] = 'CVE-2016-0777',
  ['OpenSSH_7.4'] = 'CVE-2018-15473',
  ['libssh-0.7.2'] = 'CVE-2018-10933',
}

function filter(hdr, pld, pkt)
  -- RFC 4253, 4.2: SSH-protoversion-softwareversion SP comments CR LF
  local version = tostring(pld:segment(0, 255)):match('^SSH%-[%d.]+%-([^ \r\n]+)')
  local reason = vulnerable[version]
  if reason then
    log('%s: %s', version, reason)
    return false
  end
end
