-- What was logged before an error stays logged.
function filter(hdr, pld, pkt)
  if hdr[5] % 16 == 5 then
    log('about to fail at %d', hdr[8])
    return pkt.vlan + 1 > 0
  end
end
