-- Logs each identification line (RFC 4253, 4.2) with the side that sent it: side, server's port, connection, banner.
-- The side that sent the connection's first SYN is the client.
local net = require 'net'
local tcp_flag = net.tcp_flag
local client_of = {}  -- connection: address and port of who opened it

local function ends(pkt)
  return ('%s.%d'):format(net.ip(pkt.src), pkt.sport), ('%s.%d'):format(net.ip(pkt.dst), pkt.dport)
end

function filter(hdr, pld, pkt)
  if pkt.protocol ~= net.protocol.tcp or not pkt.transport then return true end
  local from, to = ends(pkt)
  local connection = from < to and from .. '-' .. to or to .. '-' .. from
  local tcp = pkt.transport:layout(net.tcp)
  if tcp.syn == 1 then client_of[connection] = tcp.ack_flag == 1 and to or from end
  for line in tostring(pld):gmatch('[^\n]+') do
    local banner = line:match('^(SSH%-%d%.%d+%-[^\r]+)')
    if banner then
      local is_client = client_of[connection] == from
      log('%s\t%d\t%s\t%s', is_client and 'client' or 'server', is_client and pkt.dport or pkt.sport, connection, banner)
    end
  end
  return true
end
