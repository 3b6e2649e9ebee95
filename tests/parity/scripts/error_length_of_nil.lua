-- The length of nil and of a number.
function filter(hdr, pld, pkt)
  local s = pld:segment(50)
  if hdr[5] & 1 == 0 then return #s > 10 end
  return #hdr[8] == 1
end
