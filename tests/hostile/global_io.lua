-- expect refused: 'io' is not available in the sandbox
-- Files.
local packets = 0
function filter(hdr, pld)
  packets = packets + 1
  if packets == 1 then
    io.open('/etc/passwd')
  end
  return packets ~= 2
end
