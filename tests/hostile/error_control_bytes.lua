-- expect packet: \\x1b\[2J
-- A message that would control the terminal.
local packets = 0
function filter(hdr, pld)
  packets = packets + 1
  if packets == 1 then
    error('\27[2J\27]0;title\7', 0)
  end
  return packets ~= 2
end
