-- expect fine
-- Nothing, as often as can be: a loop of 2^63 rounds in C.
local packets = 0
function filter(hdr, pld)
  packets = packets + 1
  if packets == 1 then
    assert((''):rep(math.maxinteger) == '')
    assert((''):rep(1e15 // 1 | 0, '') == '')
  end
  return packets ~= 2
end
