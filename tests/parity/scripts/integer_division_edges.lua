-- The smallest integer divided by minus one stays itself; its remainder is zero.
local wide = data.layout {a = {64, 64}, b = {96, 8, 'signed'}}

function filter(hdr, pld, pkt)
  local v = hdr:layout(wide)
  local minus = v.b | -2                     -- -1 or -2
  local x = math.mininteger // minus
  local y = math.mininteger % minus
  local z = (v.a | math.mininteger) // minus
  local w = (v.a & math.maxinteger) % math.mininteger
  local q = v.a // math.maxinteger + v.a // math.mininteger + math.maxinteger // (v.a | 1)
  pkt.mark = (x ~ x >> 32 ~ y ~ z ~ z >> 32 ~ w ~ w >> 32 ~ q) & 0xffffffff
  return minus == -1
end
