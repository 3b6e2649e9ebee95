-- arguments: words
-- only: lua
-- each K: = {__len = function() return 3 end} | {__len = function() return -1 end} | {__index = function(t, k) return k end} | {__lt = function(x, y) return false end} | {__newindex = function(t, k, v) rawset(t, k, 'n' .. v) end, __len = function() return 2 end}
function case(a)
  local t = setmetatable({'c', 'b', 'a' .. a}, @K)
  tell(pcall(table.sort, t))
  tell(rawget(t, 1), rawget(t, 2), rawget(t, 3))
end
