-- arguments: edges
-- each K: edges
function case(i)
  tell(i // @K, i % @K)
end
