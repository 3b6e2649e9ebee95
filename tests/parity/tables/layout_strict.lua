-- arguments: view words, near
-- each K: = v.missing | v.f | v.g | v.h
-- each L: = v.f = i | v.g = i | v.h = 'xyz' | v[9] = i
local data = require 'data'
data.strict = true
local layout = data.layout {f = {4, 12}, g = {24, 24, 'little'}, h = {2, 4, 'string'}}
function case(v, i)
  v:layout(layout)
  if i == 0 then tell(@K) end
  @L
  tell(tostring(v))
end
