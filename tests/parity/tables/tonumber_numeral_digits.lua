-- arguments: numerals
function case(a)
  local digits = a:match('%d+')
  if digits then tell(tonumber(digits:sub(1, 18)), tonumber(digits:sub(-18))) end
end
