-- arguments: near, near
-- only: lua
-- each K: = i, j | i | i, j, 1 | 'x' | 1.5 | nil, i
function case(i, j)
  local fine, what = pcall(math.random, @K)
  if fine then
    tell(math.type(what))
  else
    tell(what)
  end
end
