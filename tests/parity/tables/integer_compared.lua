-- arguments: edges, edges
-- each K: edges
function case(i, j)
  tell(i < j, i <= j, i == j)
  tell(i < @K, i <= @K, i == @K)
  tell(@K < j, @K >= j, @K ~= j)
  if i < @K then tell(1) end
  if @K < j then tell(2) end
  if not (i >= j) then tell(3) end
end
