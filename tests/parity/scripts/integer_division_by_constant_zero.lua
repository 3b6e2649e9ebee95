-- A constant zero as divisor fails only where it is reached.
function filter(hdr, pld, pkt)
  local x = hdr[8]
  if x > 100 then
    return x // 0 == 0
  elseif x < 60 then
    return x % 0 == 0
  end
  return true
end
