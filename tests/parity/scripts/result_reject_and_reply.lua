-- 'reject' and 'reply'.
function filter(hdr, pld, pkt)
  if pkt.protocol == 6 then return 'reject' end
  if hdr[5] & 1 == 0 then return 'reply' end
  return 'reject'
end
