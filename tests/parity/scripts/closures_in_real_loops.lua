-- Loops whose number of rounds comes from the packet: what a closure of one round holds is there in the next.
local function counter()
  local n = 0
  return {add = function(x) n = n + x end, get = function() return n end}
end

function filter(hdr, pld, pkt)
  local c, last, first = counter(), nil, nil
  for i = 0, #pld - 1 do
    local byte = pld[i]
    c.add(byte)
    if last and last() > byte then c.add(1) end
    last = function() return byte end
    first = first or last
  end
  local before = 0
  local k = #pld & 15
  while k > 0 do
    k = k - 1
    local mine = k
    local set = function(to) mine = to end
    set(mine * 2)
    before = before + mine
    if mine == 6 then break end
  end
  local shared = hdr[8]
  local up = function() shared = shared + 1 return shared end
  for _ = 1, hdr[9] & 7 do
    if up() % 3 == 0 then shared = shared + 2 end
  end
  log('%d %d %d %d %d', c.get(), last and last() or -1, first and first() or -1, before, shared)
  return c.get() % 2 == 0
end
