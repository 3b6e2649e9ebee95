-- arguments: near, words
-- only: lua
-- each K: = {} | {1} | {1, 2, 3} | {nil, 2} | nil | 'abc' | 5 | setmetatable({}, {__len = function() return 3 end}) | setmetatable({1, 2, 3}, {__index = function(t, k) return k end}) | setmetatable({}, {__len = function() return 'x' end})
-- each L: = insert(t, i, a) | insert(t, a) | insert(t) | insert(t, i, a, a) | insert(t, a, i) | remove(t, i) | remove(t) | remove(t, a)
function case(i, a)
  local t = @K
  tell(table.@L)
  tell(#t, rawlen(t), rawget(t, i))
  tell(t[1], t[2], t[3])
  tell(t[4], t[0], t[#t + 1])
end
