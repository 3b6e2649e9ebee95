-- Subtraction wraps around at 64 bits, on either side a constant.
local wide = data.layout {a = {64, 64}, b = {96, 64}}

function filter(hdr, pld, pkt)
  local v = hdr:layout(wide)
  local x = v.a - v.b
  local y = math.mininteger - x
  local z = y - math.maxinteger
  pkt.mark = (z ~ z >> 32) & 0xffffffff
  return x > y
end
