-- expect packet: cannot change a protected metatable
-- A protected metatable.
local packets = 0
function filter(hdr, pld)
  packets = packets + 1
  if packets == 1 then
    setmetatable(setmetatable({}, { __metatable = 1 }), {})
  end
  return packets ~= 2
end
