-- Values of different types are never equal, and comparing them for equality is no error.
local fields = data.layout {ttl = {64, 8}, name = {8, 1, 'string'}}

function filter(hdr, pld, pkt)
  local v = hdr:layout(fields)
  local n = 0
  if v.ttl == '64' then n = n + 1 end
  if v.ttl ~= nil then n = n + 2 end
  if v.name == 64 then n = n + 4 end
  if (pkt.dport == nil) == true then n = n + 8 end
  if v.name == false or v.ttl == true then n = n + 16 end
  if pkt.sport ~= '80' then n = n + 32 end
  pkt.mark = n
  return n & 8 == 0
end
