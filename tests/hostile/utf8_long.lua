-- expect packet: instruction budget spent: 1000000 instructions per packet
-- Linear work in utf8.
local packets = 0
function filter(hdr, pld)
  packets = packets + 1
  if packets == 1 then
    local s = ('\u{7FF}'):rep(10000)
    while true do utf8.len(s) end
  end
  return packets ~= 2
end
