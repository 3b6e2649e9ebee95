-- A function called in a loop, with a loop of its own.
local function bits(x)
  local n = 0
  while x ~= 0 do
    n = n + (x & 1)
    x = x >> 1
  end
  return n
end

function filter(hdr, pld, pkt)
  local total = 0
  for i = 12, 19 do total = total + bits(hdr[i]) end
  pkt.mark = total
  return total % 2 == 0
end
