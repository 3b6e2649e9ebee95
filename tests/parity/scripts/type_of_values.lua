-- type of values of every kind.
local t = {}

function filter(hdr, pld, pkt)
  local n = 0
  if type(hdr[8]) == 'number' then n = n + 1 end
  if type(pkt.sport) == 'nil' then n = n + 2 end
  if type(pkt.fragment) == 'boolean' then n = n + 4 end
  if type(pkt.src) == 'string' then n = n + 8 end
  if type(hdr) == 'userdata' then n = n + 16 end
  if type(t) == 'table' then n = n + 32 end
  if type(filter) == 'function' then n = n + 64 end
  if type(pkt.dport) ~= type(pkt.vlan) then n = n + 128 end
  pkt.mark = n
  return n & 2 == 0
end
