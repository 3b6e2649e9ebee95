-- What a short circuit leaves out cannot fail.
function filter(hdr, pld, pkt)
  if pkt.sport and pkt.sport < 1024 or pkt.dport and pkt.dport < 1024 then return false end
  local t = pkt.transport
  if t and t[13] and t[13] & 2 ~= 0 then return true end
  return nil
end
