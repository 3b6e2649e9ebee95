-- arguments: text 2
-- only: lua
-- each K: malformed
function case(a)
  tell(pcall(string.gsub, a, @K, 'x'))
  tell(pcall(string.find, a, @K))
  tell(a:gsub('a', @K))
end
