-- expect packet: nested
-- A handler that fails, again and again, until the C stack is full.
local packets = 0
function filter(hdr, pld)
  packets = packets + 1
  if packets == 1 then
    local ok, message = xpcall(error, function(m) error('nested ' .. tostring(m), 0) end, 'first')
    error('nested: ' .. tostring(message), 0)
  end
  return packets ~= 2
end
