-- Two closures over one variable see each other's assignments.
local function counter()
  local n = 0
  return function(x) n = n + x return n end, function() return n end
end

function filter(hdr, pld, pkt)
  local add, get = counter()
  add(hdr[4])
  add(hdr[5])
  if hdr[8] > 64 then add(1000) end
  pkt.mark = get()
  return get() % 3 == 0
end
