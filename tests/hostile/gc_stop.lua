-- expect packet: collectgarbage 'stop' is not available in the sandbox
-- Switching collection off.
local packets = 0
function filter(hdr, pld)
  packets = packets + 1
  if packets == 1 then
    collectgarbage('stop')
  end
  return packets ~= 2
end
