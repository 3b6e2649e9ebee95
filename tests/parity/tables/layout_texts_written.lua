-- arguments: view words
-- each K: = 0 | 1 | 2 | 5 | 8 | 62
-- each L: = '' | 'x' | 'xy' | 'abcd' | '\0\255' | 'a longer text'
local layout = require('data').layout {a = {@K, 1, 'string'}, b = {@K, 3, 'string'}}
function case(v)
  v:layout(layout)
  v.a = @L
  tell(tostring(v))
  v.b = @L
  tell(tostring(v), v.a, v.b)
end
