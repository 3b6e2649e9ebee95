-- Parameters, extra arguments and control variables that are captured.
local function pack(...)
  local all, n = {...}, select('#', ...)
  return {get = function(i) return all[i] end, count = function() return n end, set = function(i, v) all[i] = v end}
end
local function curry(f, a) return function(...) return f(a, ...) end end
local function sum3(a, b, c) return a + b * 2 + (c or 0) * 3 end
local function each(list, f) for i = 1, #list do f(list[i], i) end end
local function later(f, ...)
  local a, b = ...
  return function(c)
    a = a + 1
    return f(a, b, c)
  end
end

function filter(hdr, pld, pkt)
  local p, q = pack(hdr[4], #pld, nil), pack(hdr[5])
  p.set(1, p.get(1) + q.get(1))
  local f = curry(curry(sum3, hdr[8]), 2)
  local g, h = later(sum3, 1, hdr[9]), later(sum3, 2, 3)
  local total = 0
  each({p.get(1), p.get(2), q.get(1)}, function(value, i)
    total = total + value * i
    g(i)
  end)
  log('%d %d %d %d %d %d %d', p.count(), q.count(), p.get(1), f(1), g(2), h(4), total)
  return total % 2 == 0
end
