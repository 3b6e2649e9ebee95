-- A word that is no verdict.
function filter(hdr, pld, pkt)
  if pkt.protocol == 17 then return 'drop' end
  if hdr[5] == 0 then return '' end
  return 'pass'
end
