-- arguments: view words, near
-- each K: near
-- each L: = @K, i | i, @K | @K, @K | @K | nil, @K
function case(v, i)
  local s = v:segment(@L)
  if s then tell(#s, tostring(s), s[1]) else tell(s) end
  local t = s and s:segment(1, 2)
  if t then tell(#t, tostring(t), t[-1]) else tell(t) end
end
