-- arguments: words, near
-- only: lua
-- each K: patterns
function case(a, i)
  tell(a:gsub(@K, '<%0>', i))
end
