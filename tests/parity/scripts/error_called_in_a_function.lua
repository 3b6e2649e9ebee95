-- error in a function: its own line; with level 2 the caller's.
local function check(x)
  if x > 200 then error('too large') end
  if x > 100 then error('large', 2) end
  return x
end

function filter(hdr, pld, pkt)
  local a = check(hdr[5])
  return a % 2 == 0
end
