-- expect packet: (instruction budget spent|time limit reached|not enough memory|resulting string)
-- A replacement much longer than what it replaces.
local packets = 0
function filter(hdr, pld)
  packets = packets + 1
  if packets == 1 then
    local s = ('x'):rep(1 << 16):gsub('x', ('%0'):rep(1000))
    return #s == 0
  end
  return packets ~= 2
end
