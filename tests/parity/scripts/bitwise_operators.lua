-- And, or, exclusive or, not.
local wide = data.layout {a = {64, 64}, b = {96, 64}}

function filter(hdr, pld, pkt)
  local v = hdr:layout(wide)
  local x = v.a & v.b | ~v.a & 0x0f0f0f0f0f0f0f0f
  local y = (v.a | 0x55) ~ (v.b & 0xff00ff00ff00ff00)
  local z = ~(x ~ y) ~ -1
  pkt.mark = (x + y + z) >> 13 & 0xffffffff
  return ~x & 1 == 0
end
