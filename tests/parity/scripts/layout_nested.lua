-- A layout inside a layout.
local inner = data.layout {ttl = {0, 8}, protocol = {8, 8}}
local outer = data.layout {id = {32, 16}, middle = {8, inner}, far = {offset = 60, layout = inner}}

function filter(hdr, pld, pkt)
  local v = hdr:layout(outer)
  local m = v.middle
  pkt.mark = m.ttl << 8 | m.protocol
  if v.far then return v.far.ttl ~= 0 end
  return (v.id + m.ttl) % 2 == 0
end
