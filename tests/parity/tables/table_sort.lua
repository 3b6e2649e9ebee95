-- arguments: text 2, words
-- only: lua
-- each K: = nil | function(x, y) return x < y end | function(x, y) return x > y end | function(x, y) return #x < #y end | function() return true end | function() return false end | function(x, y) return x:byte() < y:byte() end | function() end | 5 | function(x, y) return x.y end
function case(a, b)
  local t = {}
  for c in (a .. b):sub(1, 40):gmatch('.') do t[#t + 1] = c end
  tell(pcall(table.sort, t, @K))
  tell(table.concat(t), pcall(table.sort, {1, 'a', 2}))
end
