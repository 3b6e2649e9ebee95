-- arguments: view words, near, near
function case(v, i, j)
  local s = v:segment(i, j)
  if s then tell(#s, tostring(s), s[0]) else tell(s) end
  local t = v:segment(i)
  if t then tell(#t, tostring(t), t[1]) else tell(t) end
end
