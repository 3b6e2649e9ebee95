-- expect packet: instruction budget spent: 1000000 instructions per packet
-- %q makes four bytes of one.
local packets = 0
function filter(hdr, pld)
  packets = packets + 1
  if packets == 1 then
    local s = ('\0'):rep(1 << 16)
    while true do local q = string.format('%q', s) end
  end
  return packets ~= 2
end
