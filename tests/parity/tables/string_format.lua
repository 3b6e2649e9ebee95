-- arguments: words, edges
-- only: lua
-- each K: formats
-- each L: = i | a | i, i | a, i, a, i | 1.5 | -0.0 | 1e300 | 0/0 | 1/0 | nil | true | '12' | '0x1p4' | {} == nil
function case(a, i)
  tell(string.format(@K, @L))
end
