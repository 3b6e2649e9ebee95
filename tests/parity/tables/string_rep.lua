-- arguments: words, small
-- only: lua
-- each K: = i | math.maxinteger | math.mininteger | 1 << 62 | -1 | 2.0 | 1.5 | '3' | 'x' | nil | i, '' | i, ', ' | i, '\0' | math.maxinteger, a | 1 << 62, ',' | i, i | i, {}
function case(a, i)
  if a ~= '' then tell(string.rep(a:sub(1, 9), @K)) end
  tell(string.rep('', i), string.rep('', i, a))
end
