-- arguments: words, near
-- each K: patterns
function case(a, i)
  tell(a:find(@K, i, true))
  tell(a:find(@K, 1, true))
  tell(a:find(@K, -2, 1))
end
