-- expect packet: instruction budget spent: 1000000 instructions per packet
-- The budget spent inside a C function inside pcall.
local packets = 0
function filter(hdr, pld)
  packets = packets + 1
  if packets == 1 then
    while true do
      pcall(string.find, ('a'):rep(250), ('a-'):rep(20) .. 'b')
    end
  end
  return packets ~= 2
end
