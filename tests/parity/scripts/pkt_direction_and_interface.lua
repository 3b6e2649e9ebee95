-- pkt.direction, pkt.interface, pkt.ifindex.
-- only: native
function filter(hdr, pld, pkt)
  local n = 0
  if pkt.direction == 'in' then n = n + 1 end
  if pkt.interface then n = n + #pkt.interface end
  if pkt.interface == 'eth0' then n = n + 100 end
  pkt.mark = n + (pkt.ifindex or 0) * 1000
  return n % 2 == 0
end
