-- expect packet: resulting string too large
-- A length that does not fit into 64 bits.
local packets = 0
function filter(hdr, pld)
  packets = packets + 1
  if packets == 1 then
    local s = ('x'):rep(math.maxinteger, 'yy')
  end
  return packets ~= 2
end
