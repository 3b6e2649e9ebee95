-- arguments: text 3
-- each K: patterns
function case(a)
  tell(a:find(@K, 1, true))
  tell(a:find(@K, nil, true))
  if a:find(@K, 1, true) then tell(true) else tell(false) end
end
