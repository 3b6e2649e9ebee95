-- expect packet: instruction budget spent: 1000000 instructions per packet
-- An endless loop of one instruction.
local packets = 0
function filter(hdr, pld)
  packets = packets + 1
  if packets == 1 then
    ::again::
    goto again
  end
  return packets ~= 2
end
