-- expect packet: instruction budget spent: 1000000 instructions per packet
-- Tail calls need no stack, so only the budget ends them.
local packets = 0
function filter(hdr, pld)
  packets = packets + 1
  if packets == 1 then
    local function f() return f() end
    f()
  end
  return packets ~= 2
end
