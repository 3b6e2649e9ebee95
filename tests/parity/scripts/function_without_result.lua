-- A function that returns nothing gives nil.
local function nothing(x)
  if x > 64 then return end
end

function filter(hdr, pld, pkt)
  local r = nothing(hdr[8])
  local n = 0
  if r == nil then n = 1 end
  local a, b = nothing(1), hdr[5]
  if a == nil then n = n + b end
  return n % 2 == 0
end
