-- Writing a string that is too long is an error.
local m = map.hash {name = 'm', key = 'string:4', value = 'u32', size = 3000}

function filter(hdr, pld, pkt)
  local word = tostring(pld:segment(0, 20)):match('^%w+')
  if not word then return end
  m[word] = #word
  return map.get(m, word) == #word
end
