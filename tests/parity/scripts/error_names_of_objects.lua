-- What errors call the packet, its data and maps where a value of another type belongs.
local m = map.hash { key = 'u32', value = 'u32', size = 8 }
local a = map.array { value = 'u32', size = 8 }
function filter(hdr, pld, pkt)
  local way = pkt.length % 12
  if way == 2 then pkt.payload = pkt end
  if way == 3 then m[1] = pld end
  if way == 4 then m[pld] = 1 end
  if way == 5 then map.add(m, 1, pkt) end
  if way == 6 then a[1] = pkt end
  if way == 7 then m:add(hdr, 1) end
  if way == 8 then return pkt[pld] end
  if way == 9 then map.get(pkt, 1) end
  if way == 10 then hdr[pkt] = 1 end
  if way == 11 then hdr[8] = pld end
end
