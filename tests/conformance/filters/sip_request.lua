-- sip.Method: a request line (RFC 3261, 7.1) at the start of a datagram or segment to or from port 5060
function filter(hdr, pld, pkt)
  if pkt.sport ~= 5060 and pkt.dport ~= 5060 then return true end
  return not tostring(pld:segment(0, 255)):find('^%u+ [^ \r\n]+ SIP/2%.0\r\n')
end
