-- arguments: near, near
-- each K: near
function case(i, j)
  local n, last = 0
  for k = i, @K, j do
    n = n + 1
    last = k
    if n == 4 then break end
  end
  tell(n, last)
end
