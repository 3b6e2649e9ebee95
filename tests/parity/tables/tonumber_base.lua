-- arguments: text 3
-- each K: bases
function case(a)
  tell(tonumber(a, @K))
end
