-- expect packet: instruction budget spent: 1000000 instructions per packet
-- An iterator over a long string.
local packets = 0
function filter(hdr, pld)
  packets = packets + 1
  if packets == 1 then
    local s = ('\u{7FF}'):rep(10000)
    while true do for _ in utf8.codes(s) do end end
  end
  return packets ~= 2
end
