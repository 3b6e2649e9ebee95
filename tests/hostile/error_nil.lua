-- expect packet: error object is a nil value
-- An error without an object.
local packets = 0
function filter(hdr, pld)
  packets = packets + 1
  if packets == 1 then
    error()
  end
  return packets ~= 2
end
