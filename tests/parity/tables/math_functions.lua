-- arguments: edges, edges
-- each K: edges
function case(i, j)
  tell(math.min(i, j), math.max(i, j), math.abs(i))
  tell(math.min(i, @K), math.max(@K, i, j), math.ult(i, j))
  tell(math.ult(i, @K), math.ult(@K, j), math.tointeger(i))
  tell(math.floor(i), math.ceil(j), math.type(i))
end
