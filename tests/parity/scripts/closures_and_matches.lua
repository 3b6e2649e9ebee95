-- Matches, views and texts of the packet that closures have captured, over a write to the packet.
local data = require 'data'
local net = require 'net'
local l = data.layout {a = {0, 8}, b = {8, 16}, ip = {96, 32, 'ipv4'}}
function filter(hdr, pld, pkt)
  local s = tostring(pld:segment(0, 30))
  local m = s:match('%w+')
  local see = function() return m end
  local set = function(x) m = s:match(x) return m end
  local h = hdr:segment(0)
  local lay = function(x) return h:layout(x) end
  local v = lay(l)
  local p = pld:segment(0, 8)
  local keep = {text = function() return s end, view = function() return p end}
  local before = see()
  if #pld > 8 then
    set('[A-Z]+')
    pld[0] = 65
    pld[1] = (m and #m or 0) & 255
  end
  log('%s %s %s', tostring(see()), tostring(before), tostring(keep.text()))
  log('%s %d', tostring(keep.view()), v.b)
  m = s:match('%d') or s:match('%a')
  local k = m
  local each = {}
  for w in s:gmatch('%a+') do local up = w each.last = function() return up end if not each.first then each.first = each.last end end
  log('%s %s', tostring(each.last and each.last()), tostring(each.first and each.first()))
  return see() == k and pkt.src ~= nil
end
