-- arguments: view addresses
-- may be refused
-- each K: = net.ip(v:segment(0, 4)) | net.ip(v:segment(0, 16)) | net.mac(v:segment(0, 6)) | net.ip(tostring(v):sub(1, 4)) | net.mac(tostring(v):sub(-6))
local net = require 'net'
function case(v)
  tell(@K)
end
