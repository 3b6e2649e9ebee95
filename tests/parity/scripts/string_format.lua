-- Texts put together by string.format from what packets hold.
local net = require 'net'
local seen = map.hash { key = 'string:64', value = 'u64', size = 256 }
function filter(hdr, pld, pkt)
  local from = ('%s:%d'):format(net.ip(pkt.src) or 'nobody', pkt.sport or 0)
  map.add(seen, from)
  local first = pld[0] or 0
  log('%s', string.format('%s %02x %X %c|%s', from, first, pkt.length, 65 + first % 26, #pld > 10))
  local begin = string.format('<%s>%%', pld:segment(0, 12) or '')
  if begin == '<>%' then return nil end
  if ('%08x'):format(pkt.length << 20) > '02000000' then return false end
  return begin:sub(2, 2) ~= string.format('%c', 83)
end
