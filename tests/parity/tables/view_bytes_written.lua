-- arguments: view words, near, edges
-- each K: edges
function case(v, i, j)
  v[i] = j
  tell(tostring(v), v[i])
  v[1] = @K
  v[@K] = 7
  tell(tostring(v), v[1], v[@K])
end
