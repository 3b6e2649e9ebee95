-- Arguments packed in a table that stays in the function.
local function pick(i, ...)
  local t = {...}
  return t[i], #t
end

function filter(hdr, pld, pkt)
  local a, n = pick(2, hdr[4], hdr[5], hdr[8])
  local b = pick(3, hdr[4], hdr[5])
  local x = a * 4 + n
  if b == nil then x = x + 1 end
  pkt.mark = x
  return x % 3 == 0
end
