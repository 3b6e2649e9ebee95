-- Values of every width and sign.
local a = map.hash {name = 'a', key = 'u8', value = 'u8', size = 256}
local b = map.hash {name = 'b', key = 'i16', value = 'i16', size = 300}
local c = map.hash {name = 'c', key = 'i64', value = 'i64', size = 300}
local d = map.hash {name = 'd', key = 'u32', value = 'u64', size = 300}
local e = map.hash {name = 'e', key = 'i8', value = 'bool', size = 300}
local f = map.hash {name = 'f', key = 'u64', value = 'i32', size = 300}

function filter(hdr, pld, pkt)
  local k, v = hdr[5], hdr[8]
  local n = (a[k] or 1) + (b[-k] or 2) * 3 + (c[-k] or 3) * 5 + (d[k] or 4) * 7 + (f[-k] or 5) * 11
  if e[k & 127] then n = n + 1000 end
  a[k] = v
  b[-k] = -v * 100
  c[-k] = -v << 40
  d[k] = v << 56 | v
  e[k & 127] = v % 2 == 0
  f[-k] = v - 128
  pkt.mark = n & 0xffffffff
  return n % 2 == 0
end
