-- Tables in a table made for a packet.
function filter(hdr, pld, pkt)
  local p = {ip = {ttl = hdr[8], id = hdr[4] * 256 + hdr[5]}, list = {1, hdr[9], 3}}
  local ip = p.ip
  ip.ttl = ip.ttl - 1
  local x = p.ip.ttl * 3 + p.list[2] + #p.list
  pkt.mark = x
  return x > 200
end
