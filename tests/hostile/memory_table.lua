-- expect packet: not enough memory: the script's limit is 64 MiB
-- A table that grows for ever.
local packets = 0
function filter(hdr, pld)
  packets = packets + 1
  if packets == 1 then
    local t = {}
    local s = ('x'):rep(8192)
    for i = 1, 1e9 do t[i] = s .. i end
  end
  return packets ~= 2
end
