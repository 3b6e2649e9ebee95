-- The text of bytes that may be no address: a script error that names their number.
local net = require 'net'
function filter(hdr, pld, pkt)
  local s = tostring(pld:segment(0, 20))
  local k = hdr[5] & 3
  if k == 0 then return net.ip(s) ~= '' end
  if k == 1 then return net.mac(s:sub(1, 6)) ~= '' end
  if k == 2 then return net.ip(s:match('^(%w*)') or '') ~= '' end
  log('%s', net.ip(s:sub(1, #pld % 2 == 0 and 4 or 16)))
end
