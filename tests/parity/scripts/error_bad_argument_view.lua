-- Bad arguments of segment and the accessors.
function filter(hdr, pld, pkt)
  local k = hdr[5] & 3
  if k == 0 then return pld:getuint32(#pld - 3) == 0 end
  if k == 1 then return pld:getuint8(-1) == 0 end
  if k == 2 then return hdr:getuint16(pkt.sport) == 0 end
  return #pld:getstring(0, 10) == 10
end
