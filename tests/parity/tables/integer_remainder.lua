-- arguments: edges, edges
function case(i, j)
  tell(i % j)
end
