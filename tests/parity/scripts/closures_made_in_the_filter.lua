-- Closures made for a packet, over its values.
function filter(hdr, pld, pkt)
  local ttl = hdr[8]
  local function older(x) return x > ttl end
  local add = function(n) ttl = ttl + n end
  add(2)
  local a = older(66)
  add(hdr[5] & 1)
  return a == older(130) and hdr[5] % 3 ~= 0
end
