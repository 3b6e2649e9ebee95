-- arguments: words, near
-- only: lua
-- each K: patterns
function case(a, i)
  local n = 0
  for x, y in a:gmatch(@K, i) do
    n = n + 1
    if n < 9 then tell(x, y) end
  end
  tell(n)
end
