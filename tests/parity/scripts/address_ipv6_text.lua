-- IPv6 addresses as text: read by a layout anywhere, compared, cut, logged.
local data = require 'data'
local net = require 'net'
local addresses = data.layout {first = {0, 128, 'ipv6'}, second = {64, 128, 'ipv6'}}
local source = data.layout {address = {64, 128, 'ipv6'}}

function filter(hdr, pld, pkt)
  local view = pld:layout(addresses)
  if view and view.first and view.second then
    if view.first:find('::', 1, true) then log('%s', view.first) end
    if view.second:sub(1, 2) > 'a' then log('%d %s', #view.second, view.second:sub(-9)) end
  end
  if pkt.version == 6 then
    local text = hdr:layout(source).address
    log('%s %s', text, net.ip(pkt.dst))
    return text == net.ip(pkt.src) and text ~= '::1'
  end
end
