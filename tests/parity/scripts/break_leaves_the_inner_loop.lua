-- break leaves the innermost loop only.
function filter(hdr, pld, pkt)
  local count = 0
  for i = 0, 4 do
    for j = 0, 4 do
      if hdr[i * 4 + j] == 0 then break end
      count = count + 1
    end
    if count > 12 then break end
  end
  pkt.mark = count
  return count % 2 == 1
end
