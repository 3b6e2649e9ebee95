-- String fields are counted in bytes.
local line = data.layout {word = {0, 4, 'string'}, rest = {4, 3, 'string'}, far = {200, 2, 'string'}}

function filter(hdr, pld, pkt)
  local l = pld:layout(line)
  if l.word == 'HTTP' then return false end
  if l.word == nil then return 'reject' end
  pkt.mark = #(l.rest or '') * 4 + #(l.far or '')
  return l.far ~= '\0\0'
end
