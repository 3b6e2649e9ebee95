-- arguments: view words, near, near
-- each K: near
function case(v, i, j)
  if i >= 0 and i <= #v then tell(v:getstring(i)) end
  if i == 1 then tell(v:getstring(@K, 2)) end
  if j == 1 then tell(v:getstring(i, @K)) end
  tell(v:getstring(i, j))
end
