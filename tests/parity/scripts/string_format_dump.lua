-- A dump of a packet's first bytes, put together in a loop that is written out.
function filter(hdr, pld)
  local text = ''
  for i = 0, 15 do
    if not pld[i] then break end
    text = text .. ('%02x%s'):format(pld[i], i % 4 == 3 and ' ' or '')
  end
  log('%s', text)
  return text:find('5353482d', 1, true) == nil
end
