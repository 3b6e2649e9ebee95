-- Ethernet addresses as text.
local ethernet = data.layout {dst = {0, 6, 'mac'}, src = {offset = 6, type = 'mac'}}

function filter(hdr, pld, pkt)
  if not pkt.frame then return end
  local eth = pkt.frame:layout(ethernet)
  if eth.dst == 'ff:ff:ff:ff:ff:ff' then return false end
  if eth.src == nil then return 'reject' end
  pkt.mark = #eth.src
  return eth.src < eth.dst
end
