-- expect packet: error object is a table value
-- An error object without a message.
local packets = 0
function filter(hdr, pld)
  packets = packets + 1
  if packets == 1 then
    error({})
  end
  return packets ~= 2
end
