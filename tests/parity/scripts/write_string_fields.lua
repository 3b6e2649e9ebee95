-- String fields written: at most their length, the rest stays.
local f = data.layout {word = {0, 4, 'string'}, number = {6, 3, 'string'}}

function filter(hdr, pld, pkt)
  local v = pld:layout(f)
  if hdr[5] % 2 == 0 then v.word = 'XY' else v.word = 'ABCDEFG' end
  v.number = 12
  return v.word ~= 'XYTP'
end
