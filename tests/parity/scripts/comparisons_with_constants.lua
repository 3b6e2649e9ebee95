-- Comparisons with constants that fit an immediate, and with those that do not.
local wide = data.layout {a = {64, 64}, b = {96, 32, 'signed'}}

function filter(hdr, pld, pkt)
  local v = hdr:layout(wide)
  local a, b = v.a, v.b
  local n = 0
  if a < math.mininteger + 1000 then n = n + 1 end
  if a > math.maxinteger - 0x7fffffffff then n = n + 2 end
  if a <= 0x7fffffff then n = n + 4 end
  if a >= 0x80000000 then n = n + 8 end
  if a < -0x80000000 then n = n + 16 end
  if 127 < b then n = n + 32 end
  if -129 >= b then n = n + 64 end
  if b == 0x7f000001 or b == -1 then n = n + 128 end
  if a ~= 0x123456789 then n = n + 256 end
  pkt.mark = n
  return n % 3 == 0
end
