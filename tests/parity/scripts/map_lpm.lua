-- Networks: the longest one that holds the address.
local m = map.lpm {name = 'nets', key = 'ip', value = 'u8', size = 100}
m['0.0.0.0/0'] = 1
m['192.168.0.0/16'] = 2
m['192.168.1.0/24'] = 3
m['192.168.1.2'] = 4
m['147.32.0.0/15'] = 5
m['::/0'] = 6
m['fe80::/10'] = 7
m['2001::/16'] = 8

function filter(hdr, pld, pkt)
  local s, d = m[pkt.src], m[pkt.dst]
  pkt.mark = s << 8 | d
  return s % 2 == 0 or s < d
end
