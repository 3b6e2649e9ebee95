-- Variables of functions further out, shared by several and assigned at any level.
local function outer(x)
  local y = x
  local function middle()
    local z = y * 2
    return function()
      x, y, z = x + 1, y + x, z + y
      return x + y + z, function() return z - x, y end
    end
  end
  local one, two = middle(), middle()
  x = x + 100
  return one, two, function() return x, y end
end

local function fib_of(n)
  local function fib(i) if i < 2 then return i end return fib(i - 1) + fib(i - 2) end
  return fib(n)
end

local function even_odd(n)
  local even, odd
  function even(k) if k == 0 then return true end return odd(k - 1) end
  function odd(k) if k == 0 then return false end return even(k - 1) end
  return even(n)
end

function filter(hdr, pld, pkt)
  local one, two, both = outer(#pld)
  local a, inner = one()
  local b = two()
  local c, second = one()
  local d, e = inner()
  local f, g = second()
  local x, y = both()
  local swap
  if hdr[8] > 64 then swap = one else swap = two end
  local h = swap()
  log('%d %d %d %d %d %d %d %d %d %d', a, b, c, d, e, f, g, x, y, h)
  log('%d %s', fib_of(6), tostring(even_odd(7)))
  return (a + h) % 2 == 0
end
