-- The remainder has the sign of the divisor.
local fields = data.layout {a = {32, 16, 'signed'}, c = {96, 8, 'signed'}}

function filter(hdr, pld, pkt)
  local v = hdr:layout(fields)
  local d = v.c
  if d == 0 then d = 5 end
  local x = v.a % d
  local y = -v.a % d
  local z = v.a % -d
  local w = v.a % 7 + v.a % -7 + -v.a % 16 + v.a % -16 + v.a % 1 + v.a % -1
  pkt.mark = (x * 31 + y * 7 + z * 3 + w) & 0xffffffff
  return x > 2
end
