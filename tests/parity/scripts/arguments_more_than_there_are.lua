-- A fourth argument is nil; ... is empty behind three.
function filter(hdr, pld, pkt, extra, ...)
  if extra == nil and select('#', ...) == 0 then return hdr[5] % 2 == 1 end
  return 'reject'
end
