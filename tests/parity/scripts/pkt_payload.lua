-- pkt.payload reads as a view on the payload.
function filter(hdr, pld, pkt)
  local p = pkt.payload
  if #p ~= #pld then return 'reject' end
  return #p == 0 or p[0] % 2 == 0
end
