-- Variables of the same name in scopes within each other; break and loops within loops.
function filter(hdr, pld, pkt)
  local out = {}
  for i = 1, 3 do
    for j = 1, 3 do
      local k = i * j
      if k == 4 then break end
      out[i * 10 + j] = function(d) k = k + d return k + i + j end
      i = i + 0
    end
  end
  local n = 0
  while true do
    local here = n
    n = n + 1
    local stop = function() return here >= (hdr[8] & 3) end
    if stop() then out.stop = stop break end
  end
  local x = 1
  do
    local x = x + 1
    out.x = function() x = x * 2 return x end
    do local x = x + 5 out.y = function() x = x + 1 return x end end
  end
  local function vararg(...)
    local a, b = ...
    local rest = {select(2, ...)}
    return function(...) a = a + (... or 0) return a, b, #rest, select('#', ...) end
  end
  local va = vararg(#pld, 2, 3, 4)
  local s = 0
  for i = 1, 3 do for j = 1, 3 do local f = out[i * 10 + j] if f then s = s * 7 + f(i) end end end
  local a, b, c, d = va(1, nil, nil)
  local e = va()
  log('%d %d %d %d %d %d %d %s %d %d', s, a, b, c, d, e, n, tostring(out.stop()), out.x() + out.x(), out.y() + x)
  return s % 2 == 0
end
