-- Writes before an endless loop do not leave the filter.
-- spends its budget
function filter(hdr, pld, pkt)
  hdr[8] = 1
  if (hdr[4] << 8 | hdr[5]) % 89 == 3 then
    repeat until false
  end
end
