-- expect packet: (instruction budget spent|time limit reached|not enough memory)
-- A mode set afterwards: what the collector does then is bounded by the memory there is.
local packets = 0
function filter(hdr, pld)
  packets = packets + 1
  if packets == 1 then
    local mt = {}
    local t = setmetatable({}, mt)
    mt.__mode = 'k'
    local keys = {}
    for i = 1, 20000 do keys[i] = {} end
    for i = 1, 19999 do t[keys[i * 7919 % 20000 + 1]] = keys[(i + 1) * 7919 % 20000 + 1] end
    while true do local waste = {} end
  end
  return packets ~= 2
end
