-- arguments: words, edges
-- only: lua
-- each K: packings
-- each L: = i | a | i, i | a, i | 1.5 | nil | true | '7' | 'x'
function case(a, i)
  tell(string.pack(@K, @L))
end
