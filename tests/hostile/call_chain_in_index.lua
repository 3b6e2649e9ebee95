-- expect packet: time limit reached
-- A metamethod that is called through itself for ever.
local packets = 0
function filter(hdr, pld)
  packets = packets + 1
  if packets == 1 then
    local f = setmetatable({}, {})
    getmetatable(f).__call = f
    local t = setmetatable({}, {__add = f})
    while true do pcall(function() return t + 1 end) end
  end
  return packets ~= 2
end
