-- Addresses of IPv4 as text, compared and as keys.
local header = data.layout {src = {12, 4, 'ipv4'}, dst = {128, 32, 'ipv4'}}
local own = {['192.168.1.2'] = true, ['10.0.0.1'] = true, ['147.32.84.165'] = true}

function filter(hdr, pld, pkt)
  if pkt.version ~= 4 then return end
  local ip = hdr:layout(header)
  if ip.dst == '255.255.255.255' then return 'reject' end
  pkt.mark = #ip.src << 8 | #ip.dst
  return own[ip.src] or ip.src < ip.dst
end
