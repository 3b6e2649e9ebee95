-- Views where bytes are wanted: net.ip, net.mac, setstring, string fields.
local net = require 'net'
local data = require 'data'
local text = data.layout {name = {0, 3, 'string'}}
function filter(hdr, pld, pkt)
  log('%s', net.ip(hdr:segment(hdr[0] >> 4 == 6 and 8 or 12, hdr[0] >> 4 == 6 and 16 or 4)))
  if #pld >= 12 then
    log('%s %s %s', net.ip(pld:segment(0, 4)), net.mac(pld:segment(2, 6)), net.ip(tostring(pld:segment(8, 4))))
    pld:setstring(1, pld:segment(6, 3))
    pld:segment(9):layout(text).name = pld:segment(0, 2)
  end
  return pkt.src ~= net.bytes '192.0.2.77'
end
