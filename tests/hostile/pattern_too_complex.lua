-- expect packet: pattern too complex
-- Deep nesting of the matcher itself.
local packets = 0
function filter(hdr, pld)
  packets = packets + 1
  if packets == 1 then
    local s = ('a'):rep(1000)
    s:match(('a?'):rep(1000))
  end
  return packets ~= 2
end
