-- byte at a position of the packet's own making.
function filter(hdr, pld, pkt)
  local s = tostring(hdr)
  local x = 0
  for i = -3, 24, 3 do
    x = x * 3 + (s:byte(i - (hdr[5] & 3)) or 7)
  end
  pkt.mark = x & 0xffffffff
  return x % 2 == 0
end
