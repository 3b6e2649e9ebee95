-- arguments: text 3, near
-- only: lua
function case(a, i)
  tell(string.format('%' .. a, i, i))
end
