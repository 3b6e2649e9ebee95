-- expect packet: instruction budget spent: 1000000 instructions per packet
-- Handlers that call xpcall.
local packets = 0
function filter(hdr, pld)
  packets = packets + 1
  if packets == 1 then
    local function again() return xpcall(again, again) end
    while true do again() end
  end
  return packets ~= 2
end
