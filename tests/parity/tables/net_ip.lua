-- arguments: addresses, text 1
-- only: lua
-- each K: = net.ip((a .. b):sub(-16)) | net.ip(a) | net.mac(a:sub(1, 6)) | net.mac(a .. b) | net.ip(a:sub(1, 4))
local net = require 'net'
function case(a, b)
  tell(@K)
end
