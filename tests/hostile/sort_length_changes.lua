-- expect packet: instruction budget spent: 1000000 instructions per packet
-- A length that is small when it is paid for.
local packets = 0
function filter(hdr, pld)
  packets = packets + 1
  if packets == 1 then
    local calls = 0
    table.sort(setmetatable({}, { __len = function() calls = calls + 1 return calls == 1 and 3 or 1 << 30 end, __index = function() return 1 end }), rawequal)
    while true do end
  end
  return packets ~= 2
end
