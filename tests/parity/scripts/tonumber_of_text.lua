-- tonumber of decimal digits in a payload.
function filter(hdr, pld, pkt)
  local digits = tostring(pld:segment(0, 200)):match('%d+')
  local n = tonumber(digits and digits:sub(1, 9))
  if n then
    pkt.mark = n & 0xffffffff
    return n % 2 == 0
  end
end
