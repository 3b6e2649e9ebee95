-- Bad arguments of string functions: their number and name.
function filter(hdr, pld, pkt)
  local word = tostring(pld):match('%a%a%a%a')
  if pkt.protocol == 17 then return string.byte(word) == 65 end
  if hdr[5] & 1 == 0 then return string.sub(word, 1, 2) == 'GE' end
  return string.len(word) == 4
end
