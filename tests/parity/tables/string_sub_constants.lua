-- arguments: words
-- each K: near
-- each L: near
function case(a)
  tell(a:sub(@K, @L), a:sub(@K), a:sub(1, @L))
end
