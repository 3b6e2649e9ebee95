-- arguments: near, near
-- only: lua
-- each K: = t | t, i | t, i, j | t, nil, j | t, 2 | t, '2', '3' | t, 1.5 | nil, i, j | 'abc', i, 3
function case(i, j)
  local t = {'a', 'b', nil, 'd'}
  t[0], t[-1], t[math.maxinteger], t[math.mininteger] = 'zero', 'minus', 'most', 'least'
  tell(table.unpack(@K))
  tell(select('#', table.unpack(@K)))
end
