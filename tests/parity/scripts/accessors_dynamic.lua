-- Accessors at offsets of the packet.
function filter(hdr, pld, pkt)
  local at = hdr[5] & 31
  local x = pld:getuint32(at) + pld:getuint8(at + 3)
  pkt.mark = x & 0xffffffff
  return x % 2 == 0
end
