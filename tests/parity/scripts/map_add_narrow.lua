-- Adding to values of one and two bytes, with and without sign, wraps at their width; in networks it adds to the one
-- that holds the address.
local bytes = map.hash {name = 'bytes', key = 'u8', value = 'u8', size = 256}
local signed = map.hash {name = 'signed', key = 'u8', value = 'i8', size = 256}
local short = map.lru {name = 'short', key = 'ip', value = 'i16', size = 4096}
local cells = map.array {name = 'cells', value = 'u16', size = 8}
local nets = map.lpm {name = 'nets', key = 'ip', value = 'u16', size = 10}
nets['0.0.0.0/1'] = 7
nets['192.168.0.0/16'] = 65530
nets['::/0'] = 9

function filter(hdr, pld, pkt)
  local n = hdr[5]
  local a = bytes:add(n & 15, n)
  local b = signed:add(n & 15, -n)
  local c = short:add(pkt.src, n * 1000)
  cells:add(n & 7, 9000)
  local e = nets:add(pkt.src, 1)
  if n & 63 == 5 then bytes[n & 15] = 255 end
  log('%d %d %d %s', a, b, c, tostring(e or 'none'))
  return (cells[n & 7] + a + b) & 1 == 0
end
