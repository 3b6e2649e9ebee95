-- time.now follows the packets.
-- only: native
local last = 0

function filter()
  local now = time.now()
  local since = now - last
  last = now
  return since > 1000000
end
