-- arguments: words
-- each K: patterns
-- each L: near
function case(a)
  tell(a:find(@K, @L))
  tell(a:match(@K, @L))
end
