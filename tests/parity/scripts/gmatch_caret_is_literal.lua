-- In gmatch a leading ^ is an ordinary character, and break ends the walk.
function filter(hdr, pld, pkt)
  local n = 0
  for c in tostring(pld:segment(0, 200)):gmatch('^.') do n = n + 1 end
  for pair in tostring(pld:segment(0, 200)):gmatch('%x%x') do
    n = n + 2
    if pair == '00' or n > 20 then break end
  end
  pkt.mark = n
  return n % 4 == 0
end
