-- arguments: text 3
-- each K: patterns
function case(a)
  tell(a:find(@K))
  tell(a:match(@K))
end
