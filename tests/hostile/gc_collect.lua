-- expect packet: collectgarbage 'collect' is not available in the sandbox
-- Asking for collections.
local packets = 0
function filter(hdr, pld)
  packets = packets + 1
  if packets == 1 then
    collectgarbage()
  end
  return packets ~= 2
end
