-- arguments: text 3
-- each K: patterns
function case(a)
  if a:match(@K) then tell(1) else tell(0) end
  if a:find(@K) then tell(1) else tell(0) end
  if a:match(@K) == 'a' then tell(1) else tell(0) end
end
