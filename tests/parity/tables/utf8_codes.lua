-- arguments: encodings
-- only: lua
-- each K: = a | a, true | a .. 'x' | 'x' .. a, true | a:sub(2) | a:sub(1, -2)
function case(a)
  local n = 0
  for at, code in utf8.codes(@K) do
    n = n + 1
    tell(n, at, code)
  end
  for c in a:gmatch(utf8.charpattern) do tell(c) end
end
