-- arguments: near, near
-- only: lua
-- each K: = {} | {1} | {'a', 'b', 'c'} | {1, 2.5, 'x'} | {1, {}, 3} | {1, true} | nil | 'abc' | setmetatable({}, {__len = function() return 2 end, __index = function(t, k) return k > 0 and k < 9 and 'i' .. k or nil end})
-- each L: = t | t, ', ' | t, '\0', i | t, '', i, j | t, 1, j | t, nil, nil, j | t, {} | t, '', 'x'
function case(i, j)
  local t = @K
  tell(table.concat(@L))
end
