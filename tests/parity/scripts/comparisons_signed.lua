-- Comparisons are signed over all 64 bits.
local wide = data.layout {a = {64, 64}, b = {96, 64}}

function filter(hdr, pld, pkt)
  local v = hdr:layout(wide)
  local a, b = v.a, v.b
  local n = 0
  if a < b then n = n | 1 end
  if a <= b then n = n | 2 end
  if a > b then n = n | 4 end
  if a >= b then n = n | 8 end
  if a == b then n = n | 16 end
  if a ~= b then n = n | 32 end
  if a < 0 then n = n | 64 end
  if b >= 0 then n = n | 128 end
  if not (a < b) then n = n | 256 end
  pkt.mark = n
  return n & 1 == 1
end
