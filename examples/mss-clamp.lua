-- Lowers the maximum segment size that TCP connections agree on, for links that carry less than they should (PPPoE, tunnels).

local net = require 'net'

local largest = {[4] = 1452, [6] = 1432}       -- for 1492 bytes of PPPoE, less the IP and TCP headers

local option = data.layout {kind = {0, 8}, length = {8, 8}, mss = {16, 16}}       -- RFC 9293, 3.1 and 3.2

function filter(hdr, pld, pkt)
  if pkt.protocol ~= net.protocol.tcp or not pkt.transport then return end
  local tcp = pkt.transport:layout(net.tcp)
  if tcp.syn == 0 then return end
  local most, at = largest[pkt.version], 20
  while at < #tcp do
    local o = tcp:segment(at):layout(option)
    if o.kind == 0 then return end                              -- end of the options
    if o.kind == 1 then
      at = at + 1                                               -- padding
    elseif not o.length or o.length < 2 then
      return
    else
      if o.kind == 2 and o.length == 4 and o.mss and o.mss > most then
        o.mss = most
      end
      at = at + o.length
    end
  end
end
