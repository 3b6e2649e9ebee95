-- Functions as arguments and results.
local function twice(f, x) return f(f(x)) end
local function compose(f, g) return function(x) return f(g(x)) end end
local function increment(x) return x + 1 end
local function double(x) return x * 2 end

local both = compose(increment, double)

function filter(hdr, pld, pkt)
  local x = twice(double, hdr[8]) + twice(both, hdr[5]) + compose(double, increment)(hdr[9])
  pkt.mark = x
  return x % 3 == 1
end
