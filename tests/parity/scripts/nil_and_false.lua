-- nil and false are false, everything else is true.
local empty, zero, nothing = '', 0, nil

function filter(hdr, pld, pkt)
  local n = 0
  if empty then n = n + 1 end
  if zero then n = n + 2 end
  if nothing then n = n + 4 end
  if hdr[1] then n = n + 8 end                 -- 0 in most packets
  if hdr[60000] then n = n + 16 end            -- outside: nil
  if pkt.vlan then n = n + 32 end
  local maybe = pkt.fragment
  if maybe then n = n + 64 end
  pkt.mark = n
  return n < 64
end
