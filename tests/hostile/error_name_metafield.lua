-- expect packet: error object is a table value
-- A type with a name of its own.
local packets = 0
function filter(hdr, pld)
  packets = packets + 1
  if packets == 1 then
    error(setmetatable({}, { __name = ('x'):rep(10000) }))
  end
  return packets ~= 2
end
