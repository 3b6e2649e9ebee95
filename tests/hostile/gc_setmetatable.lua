-- expect packet: finalizers are not available in the sandbox
-- A finalizer would run outside every budget.
local packets = 0
function filter(hdr, pld)
  packets = packets + 1
  if packets == 1 then
    setmetatable({}, { __gc = function() while true do end end })
  end
  return packets ~= 2
end
