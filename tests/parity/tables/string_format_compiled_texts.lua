-- arguments: words, edges
function case(a, i)
  tell(('%s:%d'):format(a, i), ('%d-%s'):format(i, a:sub(1, 20)), ('%s%s'):format(a, a:sub(1, 2)))
  tell(('%%%s%%'):format(a), ('%s'):format(i), ('%s'):format(i > 5), ('%s %s %s'):format(nil, true, a))
  tell(('%d %5.1f %s|%-4d|%+d'):format(i, 2.5, a, 7, 7), string.format('%s', a) == a, #('%s%c'):format(a, i))
  tell(string.format('%d', a == ''))
end
