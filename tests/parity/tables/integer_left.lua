-- arguments: edges, edges
-- each K: edges
function case(i, j)
  tell(i << j, i << @K, @K << j)
end
