-- arguments: text 3
-- only: lua
function case(a)
  tell(utf8.len(a))
  tell(utf8.len(a .. '\xe2\x82'))
  tell(pcall(utf8.codepoint, a, 1, -1))
end
