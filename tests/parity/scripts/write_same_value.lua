-- Writing what is there already changes nothing in the bytes.
function filter(hdr, pld, pkt)
  hdr[8] = hdr[8]
  if #pld > 3 then pld:setuint16(1, pld:getuint16(1)) end
  return hdr[5] % 2 == 0
end
