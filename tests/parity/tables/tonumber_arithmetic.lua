-- arguments: numerals, edges
-- only: lua
-- each K: = a + i | i - a | a * a | a // i | i % a | a & i | i << a | -a | ~a | a .. i | a < i | a == i | #a | a / i | i ^ a
function case(a, i)
  tell(tonumber(a))
  tell(@K)
end
