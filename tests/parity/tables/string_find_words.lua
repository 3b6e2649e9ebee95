-- arguments: words, near
-- each K: patterns
function case(a, i)
  tell(a:find(@K, i))
  tell(a:match(@K, i))
end
