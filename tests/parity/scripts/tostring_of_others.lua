-- tostring of booleans, nil and strings.
function filter(hdr, pld, pkt)
  local a = tostring(pkt.fragment)
  local b = tostring(pkt.vlan)
  local c = tostring('x')
  if a == 'true' then return false end
  if b == 'nil' then return #a + #b + #c == 9 and hdr[8] > 64 end
end
