-- Setters write in the byte order of the machine; outside is an error.
function filter(hdr, pld, pkt)
  pld:setuint8(0, 300)
  pld:setuint16(1, 0x4142)
  pld:setint32(3, -5)
  pld:setuint64(8, hdr:getuint64(8))
  pld:setbyte(7, 1)
  return pld:getint32(3) == -5
end
