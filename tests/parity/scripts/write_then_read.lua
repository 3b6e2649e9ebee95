-- What was written is read back, through other views and as a string.
function filter(hdr, pld, pkt)
  if #pld < 8 then return end
  local before = tostring(pld:segment(0, 4))
  pld[1] = 0x41
  pld:segment(2, 2)[0] = 0x42
  local after = tostring(pld:segment(0, 4))
  pkt.mark = after:byte(2) << 16 | after:byte(3) << 8 | pld[2]
  if before == after then return 'reject' end
  if after:find('AB', 1, true) then return before:byte(2) ~= 0x20 end
  return false
end
