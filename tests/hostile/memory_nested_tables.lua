-- expect packet: (not enough memory|instruction budget spent)
-- Small objects, many of them.
local packets = 0
function filter(hdr, pld)
  packets = packets + 1
  if packets == 1 then
    local t = {}
    for i = 1, 200000 do t = { t, {}, {}, {}, {} } end
  end
  return packets ~= 2
end
