-- expect packet: (time limit reached|attempt to call a nil value|instruction budget spent)
-- A chain of 200,000 tables, built at load.
chain = setmetatable({}, {__call = function() end})
for _ = 1, 200000 do chain = setmetatable({}, {__call = chain}) end
local packets = 0
function filter(hdr, pld)
  packets = packets + 1
  if packets == 1 then
    chain(1)
    while true do pcall(chain, 1) end
  end
  return packets ~= 2
end
