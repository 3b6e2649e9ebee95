-- tostring of integers, as text to compare, measure and search.
local ports = {['22'] = true, ['80'] = false, ['443'] = true, ['53'] = false}

function filter(hdr, pld, pkt)
  local s = tostring(pkt.dport)
  local t = tostring(-hdr[8])
  pkt.mark = #s * 16 + #t + t:byte(2)
  if ports[s] ~= nil then return ports[s] end
  if s == 'nil' then return 'reject' end
  return s:sub(-1) == '7'
end
