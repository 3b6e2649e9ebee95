-- return f(x) as a chain.
local function third(x) return x % 3 == 0 end
local function second(x)
  if x > 1000 then return third(x // 2) end
  return third(x + 1)
end

function filter(hdr, pld, pkt)
  if hdr[8] == 64 then return second(hdr[4] * 256 + hdr[5]) end
  return third(hdr[8])
end
