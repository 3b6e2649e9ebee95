-- expect fine
-- Asking how much memory is used is allowed.
local packets = 0
function filter(hdr, pld)
  packets = packets + 1
  if packets == 1 then
    assert(collectgarbage('count') > 0)
  end
  return packets ~= 2
end
