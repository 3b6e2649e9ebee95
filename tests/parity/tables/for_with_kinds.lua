-- arguments: words, near
-- may be refused
-- each K: = nil | true | 'x' | {} | '3' | 2.5 | 3.0 | -1.5 | 1e300 | -1e300 | 0/0 | 1/0 | (a == '') | a | 0
-- each L: = 1, @K | i, @K | @K, i | i, 3, @K | 1, @K, i | 5, @K, -1 | i, @K, 0
function case(a, i)
  local n, last = 0
  for k = @L do
    n = n + 1
    last = k
    if n == 4 then break end
  end
  tell(n, last)
end
