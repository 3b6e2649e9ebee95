-- A slice of the packet written to another place of it.
local f = data.layout {first = {0, 6, 'string'}, second = {4, 6, 'string'}}

function filter(hdr, pld, pkt)
  if #pld < 10 then return end
  local v = pld:layout(f)
  v.second = tostring(pld:segment(0, 6))
  v.first = tostring(hdr:segment(12, 4))
end
