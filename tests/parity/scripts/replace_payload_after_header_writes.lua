-- Headers that the script made others of count: what the packet is by then says whether its payload may change its length.
function filter(hdr, pld, pkt)
  if #hdr < 20 then pkt.payload = 'no packet at all' return end
  local way = pkt.length % 6
  if pkt.version == 4 then
    if way == 0 then hdr[9] = 253 end
    if way == 1 then hdr[0] = 0x4f end
    if way == 2 then hdr[6], hdr[7] = 0x20, 0 end
    if way == 3 then hdr[9] = 132 end
    if way == 4 then hdr[2], hdr[3] = 0, 20 end
  else
    if way == 0 then hdr[6] = 59 end
    if way == 1 then hdr[4], hdr[5] = 0xff, 0xff end
    if way == 2 then hdr[6] = 44 end
  end
  pkt.payload = 'a payload of now'
end
