-- Bad arguments of find, match, lower and tonumber.
function filter(hdr, pld, pkt)
  local word = tostring(pld):match('%a%a%a%a')
  local k = hdr[5] & 3
  if k == 0 then return string.match(word, '%d') end
  if k == 1 then return string.find(word, 'x', 1, true) ~= nil end
  if k == 2 then return string.lower(word) == 'x' end
  return tonumber() == 1
end
