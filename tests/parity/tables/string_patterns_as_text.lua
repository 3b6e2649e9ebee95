-- arguments: text 3, words
-- only: lua
function case(a, b)
  tell(pcall(string.find, b, a))
  tell(pcall(string.match, b, '(' .. a .. ')'))
  tell(pcall(string.gsub, b, '[' .. a .. ']', '.'))
end
