-- Recursion whose depth is known.
local function power(x, n)
  if n == 0 then return 1 end
  return x * power(x, n - 1)
end

local function even(n)
  if n == 0 then return true end
  return not even(n - 1)
end

function filter(hdr, pld, pkt)
  local x = power(hdr[8], 5)
  pkt.mark = x & 0xffffffff
  return even(7) ~= (x % 2 == 0)
end
