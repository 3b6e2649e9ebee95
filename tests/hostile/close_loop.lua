-- expect packet: instruction budget spent: 1000000 instructions per packet
-- A variable to be closed runs code after the error.
local packets = 0
function filter(hdr, pld)
  packets = packets + 1
  if packets == 1 then
    while true do
      local guard <close> = setmetatable({}, { __close = function() while true do end end })
      while true do end
    end
  end
  return packets ~= 2
end
