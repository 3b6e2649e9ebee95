-- getuint8 to getuint64 in the byte order of the machine; outside is an error.
function filter(hdr, pld, pkt)
  local x = hdr:getuint8(8) + hdr:getuint16(4) * 3 + hdr:getuint32(12) * 5 + hdr:getuint64(8) * 7 + hdr:getbyte(9) * 11
      + hdr:getnumber(4) * 13
  pkt.mark = (x ~ x >> 32) & 0xffffffff
  if #pld > 0 then return pld:getuint16(2) % 2 == 0 end
  return x % 2 == 0
end
