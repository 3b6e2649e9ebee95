-- sip.Method: a request line (RFC 3261, 7.1) at the start of a datagram or segment to or from port 5060: a token, an address
-- without spaces and control characters, the version.
local request_line = "^[%w%-.!%%*_+`'~]+ [^%c ]+ SIP/2%.0[\r\n]"

function filter(hdr, pld, pkt)
  if pkt.sport ~= 5060 and pkt.dport ~= 5060 then return true end
  return not tostring(pld:segment(0, 255)):find(request_line)
end
