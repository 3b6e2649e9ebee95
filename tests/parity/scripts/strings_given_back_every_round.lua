-- 40 rounds of up to 1,000 bytes: more than all strings of a packet may take, but no round needs those of another.
function filter(hdr, pld, pkt)
  local first = tostring(pld:segment(0, 1000))
  local kept = first:lower()
  local found = 0
  for round = 1, 40 do
    local other = (first:upper()):sub(1, 900) .. round
    for word in other:gmatch('%u+') do
      if word:lower() == kept:sub(1, #word) then found = found + 1 end
    end
  end
  pkt.mark = found & 0xffff
  return kept == first:lower()
end
