-- expect packet: too many results to unpack
-- More results than there is stack.
local packets = 0
function filter(hdr, pld)
  packets = packets + 1
  if packets == 1 then
    table.unpack({}, 1, 1 << 40)
  end
  return packets ~= 2
end
