-- Functions that keep the one of the iteration before, as many as the packet says: they need memory without a bound.
-- refused: closure-outlives 6
function filter(hdr, pld, pkt)
  local f = function() return 0 end
  for i = 1, #pld do
    local before = f
    f = function() return before() + i end
  end
  return f() % 2 == 0
end
