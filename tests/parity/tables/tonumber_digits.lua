-- arguments: text 3
function case(a)
  local digits = a:match('%d+')
  if digits then tell(tonumber(digits:sub(1, 18)), tonumber(digits:sub(1, 2), 10)) end
end
