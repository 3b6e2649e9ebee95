-- expect packet: (not enough memory|instruction budget spent)
-- Closures and upvalues.
local packets = 0
function filter(hdr, pld)
  packets = packets + 1
  if packets == 1 then
    local t = {}
    for i = 1, 1e9 do t[#t + 1] = function() return i, t end end
  end
  return packets ~= 2
end
