-- arguments: view words, near
-- each K: near
require('data').strict_segments = true
function case(v, i)
  local s, t, u = v:segment(i, @K), v:segment(@K, i), v:segment(i)
  if s then tell(#s, tostring(s)) else tell(s) end
  if t then tell(#t, tostring(t)) else tell(t) end
  if u then tell(#u, tostring(u)) else tell(u) end
end
