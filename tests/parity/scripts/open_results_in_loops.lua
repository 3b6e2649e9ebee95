-- How many results a call gave is forgotten once they are taken: later iterations see the same variables.
local function sum(...)
  local a, b, c = ...
  return select('#', ...) + (a or 0) + (b or 0) * 2 + (c or 0) * 3
end

local function pair(n)
  if n > 100 then return n end
  return n, n + 1, n + 2
end

function filter(hdr, pld, pkt)
  local text, n, last = tostring(pld:segment(0, 60)), 0, 0
  for i = 1, #text do
    last = sum(n % 5, text:sub(i, i + 3):byte(1, 4))
    if last > 300 then n = n + 1 else n = n + select('#', text:sub(-i, -i + 6):byte(1, 7)) end
    local t = {pair(pld[i - 1])}
    for j, x in ipairs({pair(last % 200)}) do n = n + j * x + #t end
  end
  log('%d %d', n, last)
  return n % 2 == 0
end
