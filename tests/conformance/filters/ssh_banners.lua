-- Logs each identification line (RFC 4253, 4.2): side that sent it, server's port, client's port, addresses, the line. The
-- client is who sent the connection's SYN; of a connection whose beginning is not there, who has the higher port.
local net = require 'net'
local opener = {}  -- connection: who opened it

local function name(address, port)
  return ('%s.%d'):format(net.ip(address), port)
end

function filter(hdr, pld, pkt)
  if pkt.protocol ~= net.protocol.tcp or not pkt.transport then return true end
  local from, to = name(pkt.src, pkt.sport), name(pkt.dst, pkt.dport)
  local connection = from < to and from .. '-' .. to or to .. '-' .. from
  local tcp = pkt.transport:layout(net.tcp)
  if tcp.syn == 1 then opener[connection] = tcp.ack_flag == 1 and to or from end

  for line in tostring(pld):gmatch('[^\n]+') do
    local banner = line:match('^SSH%-%d%.%d+%-[^\r]+')
    if banner then
      local client = opener[connection] or (pkt.sport > pkt.dport and from or to)
      local side = client == from and 'client' or 'server'
      local server_port = side == 'client' and pkt.dport or pkt.sport
      local client_port = side == 'client' and pkt.sport or pkt.dport
      log('%s %d %d %s %s', side, server_port, client_port, connection, banner)
    end
  end
  return true
end
