-- Writing a text that is no address is an error.
local f = data.layout {src = {12, 4, 'ipv4'}}

function filter(hdr, pld, pkt)
  if hdr[5] & 1 == 0 then
    hdr:layout(f).src = '192.0.2'
  end
  return true
end
