-- A constant table with values of several types.
local t = {[0] = false, 'pass', 17, true, 'block', nil, 5}

function filter(hdr, pld, pkt)
  local v = t[hdr[5] & 7]
  if v == nil then return end
  if v == true or v == false then return v end
  if type(v) == 'number' then return v > 10 end
  return v
end
