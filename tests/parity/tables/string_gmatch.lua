-- arguments: text 3
-- each K: patterns
function case(a)
  local n = 0
  for x, y in a:gmatch(@K) do
    n = n + 1
    if n < 9 then tell(x, y) end
  end
  tell(n)
end
