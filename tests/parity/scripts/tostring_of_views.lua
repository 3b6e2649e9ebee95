-- tostring of whole views and of segments, and .. of them.
function filter(hdr, pld, pkt)
  local h, p = tostring(hdr), tostring(pld)
  local x = #h * 3 + #p + h:byte(10) * 7
  pkt.mark = x
  if #p == 0 then return h:sub(-1) ~= '\0' end
  return p ~= h and p:byte(-1) % 2 == 0
end
