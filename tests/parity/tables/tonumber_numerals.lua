-- arguments: numerals
-- each K: bases
function case(a)
  tell(tonumber(a, @K))
end
