-- Addresses of IPv6 as text, shortened as RFC 5952 says.
local header = data.layout {src = {8, 16, 'ipv6'}, dst = {24, 16, 'ipv6'}}

function filter(hdr, pld, pkt)
  if pkt.version ~= 6 then return end
  local ip = hdr:layout(header)
  pkt.mark = #ip.src << 8 | #ip.dst
  if ip.dst:sub(1, 2) == 'ff' then return false end
  if ip.src == '::' then return 'reject' end
  return ip.src:find('::', 1, true) ~= nil
end
