-- A variable of the script that the filter assigns keeps its value from packet to packet.
local count = 0
local last = -1

function filter(hdr, pld, pkt)
  count = count + 1
  local same = last == hdr[8]
  last = hdr[8]
  if same then return count % 2 == 0 end
  return count % 3 == 0
end
