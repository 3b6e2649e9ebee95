-- arguments: edges
-- only: lua
-- each K: = 0.0 | -0.0 | 0.5 | -0.5 | 1.0 | 2.5 | -2.5 | 2^53 | 2^63 | -2^63 | 1e15 | 1e300 | 1/0 | -1/0 | 0/0 | '10' | '0x1p4' | 'x' | nil | true | i
-- each L: = math.floor(@K) | math.ceil(@K) | math.sqrt(@K) | math.tointeger(@K) | math.type(@K) | math.abs(@K) | math.modf(@K) | math.fmod(i, @K) | math.fmod(@K, i) | math.max(i, @K) | math.min(@K, i) | math.ult(i, @K) | math.exp(@K) | math.log(@K) | math.log(@K, 2) | math.log(@K, 10) | math.log(@K, i) | math.sin(@K) | math.cos(@K) | math.atan(@K, i) | i // @K | i % @K | @K // i | @K % i | i ^ @K | i / @K | i < @K, i <= @K, i == @K | i << @K | @K ~ i | -(@K) | math.deg(@K) | math.rad(@K) | tostring(@K) | tonumber(@K) | #@K | @K .. i
function case(i)
  tell(@L)
end
