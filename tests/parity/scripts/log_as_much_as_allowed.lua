-- As many lines as one packet may log, and one more in some.
function filter(hdr, pld, pkt)
  for i = 1, 99 + (hdr[5] & 3) do log('%d %s', i, pkt.src) end
end
