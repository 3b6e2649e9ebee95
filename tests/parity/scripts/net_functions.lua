-- net.ip and net.bytes.
local net = require 'net'
local server = net.bytes '192.168.1.2'
local broadcast = net.bytes '255.255.255.255'

function filter(hdr, pld, pkt)
  if pkt.src == server then return false end
  if pkt.dst == broadcast then return 'reject' end
  local text = net.ip(pkt.src)
  pkt.mark = #text
  return text:sub(1, 3) ~= '10.' and text ~= '::1'
end
