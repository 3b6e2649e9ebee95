-- A field that the layout does not have reads nil.
local f = data.layout {ttl = {64, 8}}

function filter(hdr, pld, pkt)
  local ip = hdr:layout(f)
  if ip.tll == nil and ip.ttl > 64 then return false end
  return ip['protocol'] == nil and ip.ttl ~= 64
end
