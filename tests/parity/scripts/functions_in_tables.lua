-- Functions kept in a constant table, called by name, by number and as methods.
local checks = {
  even = function(x) return x % 2 == 0 end,
  big = function(x) return x > 100 end,
  limit = 63,
}
checks[1] = function(x) return x + 1 end
function checks:above(x) return x > self.limit end

function filter(hdr, pld, pkt)
  local n = 0
  if checks.even(hdr[5]) then n = n + 1 end
  if checks['big'](hdr[9]) then n = n + 2 end
  n = n + checks[1](hdr[8])
  if checks:above(hdr[8]) then n = n + 1000 end
  pkt.mark = n
  return n % 2 == 0
end
