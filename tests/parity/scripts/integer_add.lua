-- Addition wraps around at 64 bits.
local wide = data.layout {a = {64, 64}, b = {96, 64}}

function filter(hdr, pld, pkt)
  local v = hdr:layout(wide)
  local sum = v.a + v.b
  local edge = sum + math.maxinteger + math.mininteger + v.a
  pkt.mark = (edge ~ edge >> 32) & 0xffffffff
  return sum < v.a
end
