-- log with booleans and nil, with a value alone, and with a constant.
function filter(hdr, pld, pkt)
  local k = hdr[5] % 16
  if k == 0 then log('%s %s %s', tostring(pkt.fragment), tostring(pkt.vlan), tostring(pkt.sport)) end
  if k == 1 then log(hdr[8]) end
  if k == 2 then log('hello') end
  if k == 3 then log(pkt.sport) end
  if k == 4 then log(true) end
end
