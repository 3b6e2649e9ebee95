-- A write of no bytes changes nothing; neither does it hide a write before or after it.
local data = require 'data'
local name = data.layout {text = {2, 6, 'string'}}
function filter(hdr, pld, pkt)
  if #pld < 8 then return end
  local word = tostring(pld):match('%a*') or ''
  local kind = hdr[5] & 3
  if kind == 0 then
    pld:setstring(0, '')
  elseif kind == 1 then
    pld:layout(name).text = word:sub(1, 3)
  elseif kind == 2 then
    pld:setstring(4, '')
    pld[7] = 33
    pld:setstring(1, '')
  else
    pld:setstring(#pld, '')
  end
  return true
end
