-- arguments: text 2, words
-- only: lua
function case(a, b)
  tell(string.format('%q', a), string.format('%s|%s', a, b), string.format('%10s|%-10s', a:gsub('%z', '0'), 1))
  tell(string.format('%.3s', a), select('#', string.format('%5.1s', b)), string.format('%q', b))
end
