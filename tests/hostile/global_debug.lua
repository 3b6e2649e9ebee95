-- expect refused: 'debug' is not available in the sandbox
-- The registry.
local packets = 0
function filter(hdr, pld)
  packets = packets + 1
  if packets == 1 then
    debug.getregistry()
  end
  return packets ~= 2
end
