-- assert with and without a text; it gives its arguments back.
function filter(hdr, pld, pkt)
  local n = assert(hdr[5], 'never')
  if n & 3 == 0 then assert(pkt.fragment, 'not a fragment') end
  if n & 3 == 1 then assert(pkt.vlan) end
  return n > 128
end
