-- A capture compared with a constant, as in the published filter.
function filter(hdr, pld)
  local version = tostring(pld:segment(0, 255)):match('SSH%-[%w%p]+%-([%w%p]+) ?[%w%p]*\r\n')
  return version ~= 'OpenSSH_6.4'
end
