-- Local functions with arguments and results.
local function mix(a, b)
  return a * 31 + b
end

local function clamp(x, low, high)
  if x < low then return low end
  if x > high then return high end
  return x
end

function filter(hdr, pld, pkt)
  local x = mix(mix(hdr[4], hdr[5]), clamp(hdr[8], 60, 128))
  pkt.mark = x & 0xffffffff
  return clamp(x, 1000, 40000) == x
end
