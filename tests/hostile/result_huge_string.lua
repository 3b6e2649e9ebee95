-- expect packet: filter returned
-- A megabyte instead of a verdict.
local packets = 0
function filter(hdr, pld)
  packets = packets + 1
  if packets == 1 then
    return ('x'):rep(1 << 20)
  end
  return packets ~= 2
end
