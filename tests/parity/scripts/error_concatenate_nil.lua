-- Joining text with nil.
local prefix = 'port '

function filter(hdr, pld, pkt)
  if pkt.sport == nil or pkt.protocol == 17 then
    return prefix .. pkt.vlan == 'port 1'
  end
end
