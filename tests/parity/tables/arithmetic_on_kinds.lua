-- arguments: words, near
-- may be refused
-- each K: = nil | true | 'x' | {} | print | (a == '') | 1.5 | '10'
-- each L: = i + @K | @K + i | i - @K | i * @K | i // @K | i % @K | i & @K | i ~ @K | i << @K | @K >> i | ~(@K) | -(@K) | i < @K | @K < i | i <= @K | @K <= @K | a < @K | a .. @K | @K .. i | @K == a | @K == i | not (@K)
function case(a, i)
  tell((@L))
end
