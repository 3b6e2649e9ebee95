-- expect packet: value out of range
-- A code point that is none.
local packets = 0
function filter(hdr, pld)
  packets = packets + 1
  if packets == 1 then
    utf8.char(-1)
  end
  return packets ~= 2
end
