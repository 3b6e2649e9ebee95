-- A nil key reads nil and is an error when written.
local m = map.hash {name = 'm', key = 'u16', value = 'u8', size = 70000}

function filter(hdr, pld, pkt)
  if m[pkt.dport] then return false end
  if pkt.protocol ~= 6 then m[pkt.dport] = 1 end
end
