-- arguments: edges
-- each K: edges
function case(i)
  tell(@K // i, @K % i)
end
