-- expect packet: time limit reached
-- Each link of a chain of __call moves all arguments up by one: no instruction is counted.
local packets = 0
function filter(hdr, pld)
  packets = packets + 1
  if packets == 1 then
    local t = setmetatable({}, {})
    getmetatable(t).__call = t
    pcall(t)
  end
  return packets ~= 2
end
