-- arguments: words, near, near
function case(a, i, j)
  tell(a:sub(i, j))
end
