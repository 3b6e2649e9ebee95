-- expect refused: 'coroutine' is not available in the sandbox
-- Coroutines have hooks of their own.
local packets = 0
function filter(hdr, pld)
  packets = packets + 1
  if packets == 1 then
    coroutine.wrap(function() while true do end end)()
  end
  return packets ~= 2
end
