-- Layouts of TCP, UDP, ICMP, SCTP from net.
local net = require 'net'

function filter(hdr, pld, pkt)
  local t = pkt.transport
  if not t then return 'reject' end
  if pkt.protocol == net.protocol.tcp then
    local tcp = t:layout(net.tcp)
    pkt.mark = (tcp.seq ~ tcp.ack ~ tcp.window << 8 ~ tcp.flags) & 0xffffffff
    return tcp.syn == 0 or tcp.ack_flag == 1
  elseif pkt.protocol == net.protocol.udp then
    local udp = t:layout(net.udp)
    pkt.mark = udp.length * 3 + udp.checksum
    return udp.sport > udp.dport
  elseif pkt.protocol == net.protocol.icmp then
    local icmp = t:layout(net.icmp)
    pkt.mark = icmp.type << 8 | icmp.code
    return icmp.type ~= net.icmp_type.echo
  elseif pkt.protocol == net.protocol.sctp then
    local chunk = pld:layout(net.sctp_chunk)
    return chunk.type == net.sctp_chunk_type.data
  end
end
