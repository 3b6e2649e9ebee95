-- A counter without a key and one with.
local all = map.counter {name = 'all'}
local ports = map.counter {name = 'ports', key = 'u16', size = 65536}

function filter(hdr, pld, pkt)
  all:add()
  all:add(pkt.length)
  if pkt.dport then ports:add(pkt.dport) end
  ports:add(hdr[5], 10)
end
