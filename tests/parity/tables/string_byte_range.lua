-- arguments: text 2
-- each K: = 1 | 2 | 3 | 4
-- each L: = 0 | 1 | 2 | 3 | 4 | 5
function case(a)
  tell(a:byte(@K, @L))
  tell(select('#', a:byte(@K, @L)))
end
