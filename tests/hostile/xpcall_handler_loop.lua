-- expect packet: instruction budget spent: 1000000 instructions per packet
-- A handler runs where the error is raised: inside the hook, where hooks are off.
local packets = 0
function filter(hdr, pld)
  packets = packets + 1
  if packets == 1 then
    xpcall(function() while true do end end, function() while true do end end)
  end
  return packets ~= 2
end
