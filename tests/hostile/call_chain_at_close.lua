-- expect packet: time limit reached
-- A value to be closed whose __close is a chain without end.
local packets = 0
function filter(hdr, pld)
  packets = packets + 1
  if packets == 1 then
    local f = setmetatable({}, {})
    getmetatable(f).__call = f
    do local _ <close> = setmetatable({}, {__close = f}) end
  end
  return packets ~= 2
end
