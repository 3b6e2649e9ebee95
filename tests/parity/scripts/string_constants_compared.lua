-- Bytes of the packet compared with constant strings.
function filter(hdr, pld, pkt)
  local word = tostring(pld:segment(0, 4))
  if word == 'SSH-' then return false end
  if word == 'GET ' or word == 'POST' then return 'reject' end
  if word ~= 'HTTP' and #word == 4 then return true end
end
