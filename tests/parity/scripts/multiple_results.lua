-- Calls in the middle of a list are cut to one value, the last one gives all.
local function three(x) return x, x + 1, x + 2 end
local function none() end

function filter(hdr, pld, pkt)
  local a, b, c, d = three(hdr[4])
  local e, f, g = three(hdr[5]), 7
  local h, i, j = 1, three(hdr[8])
  local k = (three(hdr[9]))
  local l, m = none(), 3
  local n = (d == nil and 1 or 0) + (l == nil and 2 or 0) + (g == nil and 4 or 0)
  pkt.mark = (a + b * 3 + c * 5 + e * 7 + f * 11 + h * 13 + i * 17 + j * 19 + k * 23 + m + n) & 0xffffffff
  return (a + j) % 2 == 0
end
