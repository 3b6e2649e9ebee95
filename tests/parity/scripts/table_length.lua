-- Lengths of constant tables and of strings.
local list = {'a', 'b', 'c'}
local text = 'hello'

function filter(hdr, pld, pkt)
  local n = #list + #text + #'xy'
  return hdr[8] > 50 + n
end
