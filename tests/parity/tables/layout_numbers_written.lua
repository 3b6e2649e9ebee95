-- arguments: view words, edges
-- each K: = 0 | 1 | 3 | 7 | 8 | 9 | 16 | 31
-- each L: = 0 | 1 | 2 | 7 | 8 | 9 | 13 | 16 | 17 | 24 | 32 | 33 | 57 | 63 | 64 | 65
-- each M: = 'number' | 'signed' | 'number', 'little' | 'signed', 'little'
local layout = require('data').layout {f = {@K, @L, @M}, g = {@K, 8}}
function case(v, i)
  v:layout(layout)
  v.f = i
  tell(tostring(v), v.f, v.g)
  v.f = -2
  v.g = 0x1a5
  tell(tostring(v), v.f, v.g)
end
