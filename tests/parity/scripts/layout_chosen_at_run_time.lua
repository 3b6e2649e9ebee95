-- One of two layouts, by what the packet is.
local a = data.layout {x = {0, 8}, y = {16, 16}}
local b = data.layout {x = {8, 16}, y = {32, 8}}

function filter(hdr, pld, pkt)
  local view = hdr:segment(0)
  if pkt.protocol == 6 then view:layout(a) else view:layout(b) end
  pkt.mark = view.x << 16 | view.y
  return (view.x + view.y) % 2 == 0
end
