-- arguments: near, near
-- each K: = 1 | -1 | 2 | -2 | 3 | math.maxinteger | math.mininteger | math.maxinteger - 1
function case(i, j)
  local n, last = 0
  for k = i, j, @K do
    n = n + 1
    last = k
    if n == 4 then break end
  end
  tell(n, last)
end
