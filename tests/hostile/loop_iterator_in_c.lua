-- expect packet: instruction budget spent: 1000000 instructions per packet
-- An iterator that never says nil.
local packets = 0
function filter(hdr, pld)
  packets = packets + 1
  if packets == 1 then
    for _ in next, setmetatable({}, {}), nil do end
    for _ in (function() return 1 end) do end
  end
  return packets ~= 2
end
