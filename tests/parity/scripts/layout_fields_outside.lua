-- Fields partly or wholly outside read nil.
local f = data.layout {near = {0, 8}, straddle = {156, 8}, far = {160, 8}, last = {319, 1}, beyond = {100000, 8}, text = {19, 4, 'string'}}

function filter(hdr, pld, pkt)
  local a, b = hdr:layout(f), pld:layout(f)
  local n = 0
  if a.near then n = n + 1 end
  if a.straddle then n = n + 2 end
  if a.far then n = n + 4 end
  if a.last then n = n + 8 end
  if a.beyond then n = n + 16 end
  if a.text then n = n + 32 end
  if b.near then n = n + 64 end
  if b.straddle then n = n + 128 end
  if b.text then n = n + 256 end
  pkt.mark = n
  return n % 3 == 0
end
