-- select from a position on, and counting with nils.
local function f(...)
  local n = select('#', ...)
  local a, b = select(2, ...)
  return n, a, b
end

function filter(hdr, pld, pkt)
  local n, a, b = f(hdr[4], hdr[5], pkt.sport)
  local m, c, d = f(nil, nil)
  local x = n * 100 + a + (b or 50) + m * 10
  if c == nil and d == nil then x = x + 1 end
  pkt.mark = x
  return x % 4 < 2
end
