-- Strings as keys, shorter and longer than the shape.
local m = map.hash {name = 'm', key = 'string:8', value = 'u32', size = 3000}

function filter(hdr, pld, pkt)
  local word = tostring(pld:segment(0, 20)):match('^%w+')
  if not word then return end
  local before = m[word]                        -- too long: nil
  if #word <= 8 then m[word] = (before or 0) + 1 end
  map.add(m, 'all', 1)
  return before == nil or before % 2 == 0
end
