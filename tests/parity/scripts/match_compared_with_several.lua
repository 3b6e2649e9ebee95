-- One capture compared with several constants and used as key.
local bad = {['OpenSSH_6.2'] = true, ['OpenSSH_5.9p1'] = true, ['libssh-0.1'] = true}

function filter(hdr, pld)
  local v = tostring(pld):match('^SSH%-%d%.%d+%-([^ \r\n]+)')
  if v == 'OpenSSH_6.4' or v == 'OpenSSH_6.6' then return false end
  if v and bad[v] then return 'reject' end
end
