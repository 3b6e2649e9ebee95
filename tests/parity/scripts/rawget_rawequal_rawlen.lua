-- rawget, rawequal and rawlen of constant tables.
-- refused: library-function 6
local t = setmetatable({1, 2, 3}, {__index = function() return 9 end, __len = function() return 100 end})

function filter(hdr, pld, pkt)
  local n = (rawget(t, hdr[5] & 7) or 0) + rawlen(t) + #t + t[hdr[5] & 7]
  if rawequal(t, t) then n = n + 1000 end
  pkt.mark = n
  return n % 2 == 0
end
