-- Calling a method that a view does not have.
function filter(hdr, pld, pkt)
  if pkt.protocol == 17 then
    return pld:sub(1, 4) == 'x'
  end
end
