-- Arguments that a format does not take.
function filter(hdr, pld, pkt)
  local k = hdr[5] & 3
  if k == 0 then log('%d', pld) end
  if k == 1 then log('%d %s', undefined, 1) end
  if k == 2 then log('%d') end
  if k == 3 then log('%d %s', undefined, pkt.src:sub(0,-1)) end
end

undefined = nil  -- meant to be
