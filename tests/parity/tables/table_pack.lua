-- arguments: words, near
-- only: lua
-- each K: = nil | a | a, i | nil, nil | a, nil, i | i, nil
function case(a, i)
  local t = table.pack(@K)
  tell(t.n, #t == t.n or t[t.n] == nil, t[1])
  tell(t[2], t[3], table.pack().n)
end
