-- Closures in fields of tables see their own variables: those of the call that made them.
local function limiter(max) return {over = function(n) return n > max end, max = function() return max end} end

local function account(start)
  local total = start
  return {
    add = function(n) total = total + n return total end,
    get = function() return total end,
    other = function() return account_of(total) end,
  }
end
function account_of(n) return {get = function() return n * 2 end} end

function filter(hdr, pld, pkt)
  local small, big = limiter(40), limiter(60)
  local n = #pld
  local a, b = account(hdr[4]), account(hdr[5])
  a.add(n)
  b.add(1)
  if n % 2 == 0 then a.add(b.get()) else b.add(a.get()) end
  log('%d %s %s %d %d %d', n, tostring(small.over(n)), tostring(big.over(n)), a.get(), b.get(), a.other().get())
  pkt.mark = small.max() + big.max() * a.get() & 0xffffff
  return not small.over(n)
end
