-- expect packet: (instruction budget spent|time limit reached|not enough memory)
-- A mode set after setmetatable works, so weak keys can be had. A long chain of values that are keys themselves makes one
-- collection slow: its time grows with the square of the chain, and nothing but the limit of memory bounds the chain.
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
