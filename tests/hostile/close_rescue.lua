-- expect packet: instruction budget spent: 1000000 instructions per packet
-- Closing a variable starts the loop again.
local packets = 0
function filter(hdr, pld)
  packets = packets + 1
  if packets == 1 then
    local function forever()
      local guard <close> = setmetatable({}, { __close = function() pcall(forever) end })
      while true do end
    end
    forever()
  end
  return packets ~= 2
end
