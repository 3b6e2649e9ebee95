-- A field that is assigned at packet time and may be nil: what is missing is looked up in the metatable.
local defaults = {n = 5, on = true}
local t = setmetatable({}, {__index = defaults})
local u = setmetatable({k = 1}, {__index = function(table, key) return key == 'k' and 77 or #key end})

function filter(hdr, pld, pkt)
  t.n = t.n + 1
  if t.n > 20 then t.n = nil end
  u.k = u.k + 1
  if hdr[8] > 64 then u.k = nil end
  log('%d %s %d %d', t.n, tostring(t.on), u.k, u.other)
  return t.n % 2 == 0
end
