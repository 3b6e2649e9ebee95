-- expect packet: instruction budget spent: 1000000 instructions per packet
-- pcall called by pcall, without Lua code in between.
local packets = 0
function filter(hdr, pld)
  packets = packets + 1
  if packets == 1 then
    local function f() while true do end end
    pcall(pcall, pcall, pcall, pcall, f)
    while true do pcall(pcall, pcall, f) end
  end
  return packets ~= 2
end
