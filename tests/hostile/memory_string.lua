-- expect packet: not enough memory: the script's limit is 64 MiB
-- A string that doubles.
local packets = 0
function filter(hdr, pld)
  packets = packets + 1
  if packets == 1 then
    local s = 'x'
    while true do s = s .. s end
  end
  return packets ~= 2
end
