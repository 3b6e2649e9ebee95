-- pkt.transport: from the transport header's first byte to its end.
function filter(hdr, pld, pkt)
  local t = pkt.transport
  if not t then return end
  pkt.mark = #t << 16 | t[0] << 8 | t[#t - 1]
  return #t == 20 or #t == 8 and t[1] % 2 == 0
end
