-- arguments: words, edges
function case(a, i)
  tell(tostring(i), a:sub(1, 100) .. i, i .. '|' .. i)
  tell(#tostring(i), string.len(i), string.sub(i, 2, 3))
  tell(string.byte(i), string.byte(i, -1), string.find(i, '9'))
  tell(string.lower(i), string.match(i, '%d$'), tostring(i) == '10')
end
