-- getint8 to getint64.
function filter(hdr, pld, pkt)
  local x = hdr:getint8(5) + hdr:getint16(4) * 3 + hdr:getint32(12) * 5 + hdr:getint64(8) * 7
  pkt.mark = (x ~ x >> 32) & 0xffffffff
  return hdr:getint8(5) < 0
end
