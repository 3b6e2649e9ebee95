-- expect packet: call require 'something' at the top of the script
-- Files are not read while packets are judged.
local packets = 0
function filter(hdr, pld)
  packets = packets + 1
  if packets == 1 then
    require 'something'
  end
  return packets ~= 2
end
