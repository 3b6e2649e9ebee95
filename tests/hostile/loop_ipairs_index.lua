-- expect packet: instruction budget spent: 1000000 instructions per packet
-- A sequence without an end.
local packets = 0
function filter(hdr, pld)
  packets = packets + 1
  if packets == 1 then
    for _ in ipairs(setmetatable({}, { __index = function() return 1 end })) do end
  end
  return packets ~= 2
end
