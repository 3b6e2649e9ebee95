-- arguments: small, small
-- only: lua
-- each K: = i, j, 1 | 1, j, i | i, 3, j | i, j, 1, {} | i, j, i, t | 1, math.maxinteger, 2 | 0, math.maxinteger, 1 | math.mininteger, 7, 1 | i, 2, math.maxinteger | i, 3, math.maxinteger - 1 | 2, 1, i | 'x', j, 1 | 1, j, 1.5 | 1, j, nil | 1, j, 1, 5 | math.maxinteger, math.maxinteger, i
function case(i, j)
  local t = {'a', 'b', 'c', 'd'}
  local r = table.move(t, @K)
  tell(r == t, #r, r[1])
  tell(r[2], r[3], r[5])
  tell(r[0], r[i], r[math.maxinteger])
end
