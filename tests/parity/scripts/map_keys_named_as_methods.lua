-- In a map with string keys the names of methods are keys like any other.
local words = map.hash {name = 'words', key = 'string:8', value = 'u32', size = 100}
local names = {'get', 'set', 'add', 'GET'}
words.get = 7
function filter(hdr, pld, pkt)
  local word = tostring(pld:segment(0, 8)):match('^%a+') or 'add'
  words[word] = (words[word] or 0) + 1
  local name = names[hdr[5] & 3]
  if name then
    log('%s', tostring(words[name]))
    words[name:lower()] = (hdr[5] & 0xff) + 1
  end
  log('%s %s', tostring(words.get), tostring(map.get(words, 'add')))
  if hdr[5] & 7 == 5 then return words:add('x', 1) end
end
