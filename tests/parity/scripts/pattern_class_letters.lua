-- %a %A %l %L %u %U
function filter(hdr, pld, pkt)
  local s = tostring(pld:segment(0, 64))
  local x = (s:find('%a%A%a') or 0) + (s:find('%l%l%L') or 0) * 3 + (s:find('%u%u') or 0) * 5 + (s:find('%U%u') or 0) * 7
  pkt.mark = x
  return x % 2 == 0
end
