-- arguments: view words, edges
-- each K: edges
function case(v, i)
  tell(v[i], v[@K], #v)
  tell(tostring(v), v[0] == v[@K])
end
