-- Nearly everything is rejected: what goes back to the sender is compared, too, at the hooks that can send. Some packets
-- are written to before, which must not show in what the answer quotes.
function filter(hdr, pld, pkt)
  if pkt.protocol == 17 and #pld > 2 and pkt.sport % 2 == 0 then pld[0] = 0xff end
  if pkt.protocol == 6 and hdr and #hdr > 30 and pkt.dport % 3 == 0 then hdr[8] = 1 end
  if pkt.length % 16 == 3 then return 'block' end
  return 'reject'
end
