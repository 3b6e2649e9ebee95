-- What no key can be has not been counted either.
local seen = map.counter {name = 'seen', key = 'u16', size = 1000}
function filter(hdr, pld, pkt)
  seen:add(#pld)
  log('%d %d %d', seen[#pld], seen[#pld + 70000], seen[70000])
  return seen:get(#pld + 65536) == 0 and seen[-1] == 0
end
