-- Closures made while loading, each with values of its own.
local function between(low, high)
  return function(x) return x >= low and x <= high end
end

local privileged = between(1, 1023)
local dynamic = between(49152, 65535)

function filter(hdr, pld, pkt)
  local port = pkt.dport
  if not port then return end
  if privileged(port) then return true end
  if dynamic(port) then return false end
  return 'reject'
end
