-- arguments: text 3
-- only: lua
function case(a)
  tell(a:reverse(), #a:reverse(), a:reverse() == a)
end
