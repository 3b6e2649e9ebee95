-- arguments: text 2
-- only: lua
-- each K: patterns
-- each L: = '' | 'x' | '%0' | '[%1]' | '%2' | '%%' | '%' | '%x' | 'a\0%0' | {a = 'A', [' '] = 1, [''] = 'e', ['1'] = false} | {} | {a = {}} | string.upper | function(...) return select('#', ...) end | function() end | function() return false end | function() return {} end | 7 | nil | true
function case(a)
  tell(a:gsub(@K, @L))
end
