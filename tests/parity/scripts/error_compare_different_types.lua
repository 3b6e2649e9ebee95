-- Comparing strings with numbers, booleans, nil.
function filter(hdr, pld, pkt)
  local s = tostring(hdr:segment(0, 1))
  if pkt.protocol == 17 then
    return s < 3
  elseif hdr[8] > 64 then
    return pkt.fragment < true
  elseif hdr[8] < 64 then
    return hdr < pld
  end
end
