-- arguments: words, words
-- each K: words
function case(a, b)
  tell(a < b, a <= b, a == b)
  tell(a < @K, a <= @K, a == @K)
  tell(@K < b, @K <= b, @K ~= b)
end
