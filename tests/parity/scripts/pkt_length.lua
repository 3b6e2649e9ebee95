-- pkt.length is that of the IP header, whatever follows in the frame.
function filter(hdr, pld, pkt)
  pkt.mark = pkt.length
  if pkt.length ~= #hdr + #pld then return 'reject' end
  return pkt.length % 2 == 0
end
