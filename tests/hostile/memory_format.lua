-- expect packet: invalid conversion
-- A format wide enough to fill memory.
local packets = 0
function filter(hdr, pld)
  packets = packets + 1
  if packets == 1 then
    local s = string.format('%999999999d', 1)
  end
  return packets ~= 2
end
