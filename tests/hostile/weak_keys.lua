-- expect packet: weak tables are not available in the sandbox
-- Collecting weak keys may take quadratic time.
local packets = 0
function filter(hdr, pld)
  packets = packets + 1
  if packets == 1 then
    setmetatable({}, { __mode = 'k' })
  end
  return packets ~= 2
end
