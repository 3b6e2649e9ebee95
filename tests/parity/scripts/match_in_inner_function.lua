-- Results of matches in inner functions: kept before the function is made, and behind it.
function filter(hdr, pld, pkt)
  local text = tostring(pld)
  local version = text:match('^SSH%-([%d.]+)%-')
  local method
  local function is_old() return version == '1.99' or version == '1.5' end
  local function is_get() return method == 'GET' end
  local function ask()
    method = text:match('^(%u+) ')
    return is_get()
  end
  if is_old() then return false end
  local has_host = text:find('\r\nHost: ', 1, true)
  local function at() return has_host end
  if ask() and not at() then return 'reject' end
  log('%s %s %s', version, method, at())
  return true
end
