-- Fields of a few bits, starting at any bit and crossing bytes.
local header = data.layout {
  version = {0, 4}, ihl = {4, 4}, dscp = {8, 6}, ecn = {14, 2}, df = {49, 1}, offset = {51, 13}, odd = {61, 7}, eleven = {67, 11},
  wide = {70, 57}, cross = {3, 33},
}

function filter(hdr, pld, pkt)
  local ip = hdr:layout(header)
  local x = ip.version + ip.ihl * 3 + ip.dscp * 5 + ip.ecn * 7 + ip.df * 11 + ip.offset * 13 + ip.odd * 17 + ip.eleven * 19
      + ip.wide * 23 + ip.cross * 29
  pkt.mark = (x ~ x >> 32) & 0xffffffff
  return ip.df == 1
end
