-- arguments: view words
-- each K: = 0 | 1 | 2 | 5 | 8 | 60 | 134 | 150
local layout = require('data').layout {a = {@K, 1, 'string'}, b = {@K, 3, 'string'}, c = {@K, 40, 'string'},
                                       d = {@K, 4, 'ipv4'}, e = {@K, 16, 'ipv6'}, f = {@K, 6, 'mac'}}
function case(v)
  v:layout(layout)
  tell(v.a, v.b, v.c)
  tell(v.d, v.e, v.f)
end
