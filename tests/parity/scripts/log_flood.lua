-- More lines than one packet may log: from one loop, from several calls, and before an error.
function filter(hdr, pld, pkt)
  local k = hdr[5] & 3
  for i = 1, 100 do log('%d', i) end
  if k == 1 then print('the first beyond') end
  if k == 2 then
    for i = 1, #pld do
      log('byte %d', i)
      print(pkt.src, i)
    end
  end
  if k == 3 then
    log('before')
    error('it fails')
  end
end
