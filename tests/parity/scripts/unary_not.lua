-- not gives booleans of anything.
function filter(hdr, pld, pkt)
  local port = pkt.dport
  local none = not port
  local zero = not hdr[1]
  local flag = not not (port and port > 1000)
  if none then return zero end
  if flag == true then return not zero end
end
