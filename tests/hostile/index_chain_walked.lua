-- expect packet: (instruction budget spent|time limit reached)
-- Nearly two thousand links of __index behind one instruction.
local t = {}
for _ = 1, 1900 do t = setmetatable({}, {__index = t}) end
local packets = 0
function filter(hdr, pld)
  packets = packets + 1
  if packets == 1 then
    local n = 0
    while true do n = n + (t.x or 0) + (t.x or 0) end
  end
  return packets ~= 2
end
