-- pairs over a constant table; what is computed does not depend on its order.
local weights = {[4] = 3, [5] = 7, [8] = 11, [9] = 13, name = 1}

function filter(hdr, pld, pkt)
  local sum = 0
  for key, weight in pairs(weights) do
    if key == 'name' then
      sum = sum + weight
    else
      sum = sum + hdr[key] * weight
    end
  end
  pkt.mark = sum
  return sum % 2 == 0
end
