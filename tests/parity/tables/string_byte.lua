-- arguments: words, near
-- each K: near
function case(a, i)
  tell(a:byte(i), a:byte(@K))
  tell((a:byte(i)))
  tell(a:byte())
  tell(a:byte(@K))
end
