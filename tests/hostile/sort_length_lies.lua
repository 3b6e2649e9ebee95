-- expect packet: instruction budget spent: 1000000 instructions per packet
-- A billion elements that do not exist.
local packets = 0
function filter(hdr, pld)
  packets = packets + 1
  if packets == 1 then
    table.sort(setmetatable({}, { __len = function() return 1 << 30 end }))
  end
  return packets ~= 2
end
