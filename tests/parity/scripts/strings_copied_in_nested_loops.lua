-- A write makes copies of the texts that stand in the packet. Each iteration of the outer loop takes another text; the
-- room of its copy is used again, while the copy of the text from before the loops stays.
function filter(hdr, pld, pkt)
  local all = tostring(pld:segment(0, 100))
  local words = 0
  for character in (pkt.protocol == 17 and all or 'HTTP/1.'):gmatch('.') do
    for word in tostring(pld:segment(0, 40)):gmatch('%w+') do
      words = words + 1
      if word > 'M' then words = words + #word end
      if #pld > 40 then pld:setstring(11, hdr:segment(6, 8)) end
    end
    if character == 'z' then words = words + 1000 end
  end
  log('%d %s', words, all:sub(1, 20))
  return words % 2 == 0
end
