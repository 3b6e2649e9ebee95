-- goto as continue.
function filter(hdr, pld, pkt)
  local sum = 0
  for i = 0, 19 do
    local b = hdr[i]
    if b < 32 then goto continue end
    if b > 200 then goto continue end
    sum = sum + b
    ::continue::
  end
  pkt.mark = sum
  return sum > 700
end
