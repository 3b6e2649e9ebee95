-- expect packet: instruction budget spent: 1000000 instructions per packet
-- %b walks to the end from every opening bracket: quadratic.
local packets = 0
function filter(hdr, pld)
  packets = packets + 1
  if packets == 1 then
    local s = ('('):rep(30000)
    s:find('%b()')
    s:gsub('%b()', '')
  end
  return packets ~= 2
end
