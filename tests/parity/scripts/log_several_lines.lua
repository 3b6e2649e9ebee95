-- Several lines for one packet, in order, and the verdict behind them.
function filter(hdr, pld, pkt)
  if hdr[5] % 16 == 3 then
    for i = 1, 3 do log('%d: %d', i, hdr[i]) end
    print('last', hdr[8], pkt.protocol)
    return false
  end
end
