-- arguments: words, near
-- each K: near
function case(a, i)
  tell(a:sub(i, @K), a:sub(@K, i), a:sub(i))
end
