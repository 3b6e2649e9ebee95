-- Addresses read by a layout in captured variables.
local data = require 'data'
local l = data.layout {src = {96, 32, 'ipv4'}, dst = {128, 32, 'ipv4'}}
function filter(hdr, pld, pkt)
  if pkt.version ~= 4 then return end
  local v = hdr:layout(l)
  local a = v.src
  local f = function() return a end
  local g = function(x) a = x end
  local b = v.dst
  if #pld % 2 == 0 then a = b end
  if #pld % 3 == 0 then g(v.src) end
  local r
  local h = function() return r end
  if #pld % 5 == 0 then r = a else r = v.src end
  log('%s %s %s', f(), h(), tostring(h() == f()))
  local t = {get = function() return b end}
  return t.get() == '192.0.2.1'
end
