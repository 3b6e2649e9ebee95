-- An object with methods made for a packet.
-- refused: table-write 5
local Counter = {}
Counter.__index = Counter
function Counter.new(n) return setmetatable({n = n}, Counter) end
function Counter:add(k) self.n = self.n + k return self end

function filter(hdr, pld, pkt)
  local c = Counter.new(hdr[8])
  c:add(hdr[5]):add(3)
  pkt.mark = c.n
  return c.n % 2 == 0
end
