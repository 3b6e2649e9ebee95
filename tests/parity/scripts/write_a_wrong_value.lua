-- Writing what is no number is an error that names the field.
local f = data.layout {ttl = {64, 8}, src = {12, 4, 'ipv4'}}

function filter(hdr, pld, pkt)
  local ip = hdr:layout(f)
  ip.ttl = pkt.sport and 3 or pkt.sport
  return true
end
