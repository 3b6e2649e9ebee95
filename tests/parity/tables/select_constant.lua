-- arguments: words, near
-- each K: near
function case(a, i)
  tell(select(@K, a, i, 'c'))
  tell(select('#', a, nil, nil))
end
