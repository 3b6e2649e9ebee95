-- pkt.version and pkt.protocol.
function filter(hdr, pld, pkt)
  if pkt.version == 6 then return pkt.protocol == 58 end
  if pkt.version == 4 then return pkt.protocol ~= 17 end
end
