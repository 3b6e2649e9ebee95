-- Keys of several parts.
local m = map.hash {name = 'flows', key = {'ip', 'ip', 'u16', 'u16', 'u8'}, value = 'u32', size = 10000}

function filter(hdr, pld, pkt)
  if not pkt.sport then return end
  local n = m:add({pkt.src, pkt.dst, pkt.sport, pkt.dport, pkt.protocol}, 1)
  local back = m[{pkt.dst, pkt.src, pkt.dport, pkt.sport, pkt.protocol}]
  pkt.mark = n
  if back then return n <= back end
  return n < 3
end
