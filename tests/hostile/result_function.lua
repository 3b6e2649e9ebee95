-- expect packet: filter returned a function
-- Functions are no verdicts.
local packets = 0
function filter(hdr, pld)
  packets = packets + 1
  if packets == 1 then
    return filter
  end
  return packets ~= 2
end
