-- expect packet: filter returned
-- Numbers are no verdicts.
local packets = 0
function filter(hdr, pld)
  packets = packets + 1
  if packets == 1 then
    return 1
  end
  return packets ~= 2
end
