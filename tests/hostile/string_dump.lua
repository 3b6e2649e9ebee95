-- expect packet: attempt to call a nil value \(field 'dump'\)
-- Bytecode, the first half of an escape.
local packets = 0
function filter(hdr, pld)
  packets = packets + 1
  if packets == 1 then
    string.dump(filter)
  end
  return packets ~= 2
end
