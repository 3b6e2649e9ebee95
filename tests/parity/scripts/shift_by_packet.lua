-- Shifts by amounts that only the packet knows, negative ones included.
local wide = data.layout {a = {64, 64}, n = {40, 8, 'signed'}}

function filter(hdr, pld, pkt)
  local v = hdr:layout(wide)
  local x = v.a << v.n
  local y = v.a >> v.n
  local z = 1 << (v.n & 127) - 32
  local w = -1 >> v.n // 2
  pkt.mark = (x ~ x >> 32 ~ y ~ y >> 32 ~ z ~ z >> 32 ~ w ~ w >> 32) & 0xffffffff
  return z > 0
end
