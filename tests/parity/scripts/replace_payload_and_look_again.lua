-- After a payload is replaced, the views of before show what stands there now, as far as it goes; new ones all of it. Several
-- conditions in a row, of which only some replace it.
local net = require 'net'

function filter(hdr, pld, pkt)
  if pkt.version ~= 4 and pkt.version ~= 6 or pkt.fragment then return end
  local udp = pkt.protocol == net.protocol.udp
  local what, size = pld[0] or 0, #pld
  if what % 3 == 0 and pkt.protocol ~= 6 then pkt.payload = 'nine byte' end
  if what % 5 == 0 and pkt.protocol ~= 6 then pkt.payload = tostring(pld:segment(0, 30) or '') .. ' and twenty-one bytes' end
  if pld[0] == 65 then pkt.mark = 1 end
  log(#pld, pld[0], pld[8], pld[9], #pkt.payload, pkt.payload[0], tostring(pkt.payload:segment(0, 12) or 'none'))
  if pkt.transport then log(#pkt.transport, pkt.transport[0], udp and pkt.transport[5]) end
  if #pld > 5 then pld[5] = 0x21 end
  if udp and pkt.transport then
    local ports = pkt.transport:layout(net.udp)
    ports.sport, ports.dport = ports.dport, ports.sport
  end
  local last = pkt.payload
  if #last > 0 then last[#last - 1] = 0x2e end
  if pkt.frame then log(#pkt.frame, pkt.frame[#pkt.frame - 1]) end
  return size % 2 == 0 or 'block'
end
