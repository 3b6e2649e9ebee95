-- One capture.
function filter(hdr, pld, pkt)
  local host = tostring(pld:segment(0, 600)):match('\r\nHost: ([^\r\n]+)')
  if not host then return end
  pkt.mark = #host
  return host:sub(1, 4) == 'www.'
end
