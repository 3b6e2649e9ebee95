-- arguments: edges
-- each K: = 0.5 | -0.5 | 1.0 | 2^53 | 2^63 | -2^63 | 1e300 | -1e300 | 1/0 | -1/0 | 0/0 | 9007199254740993.0 | 4294967295.5
function case(i)
  tell(i < @K, i <= @K, i == @K)
  tell(@K < i, @K >= i, @K ~= i)
  if i < @K then tell(1) else tell(2) end
end
