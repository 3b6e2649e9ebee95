-- An endless loop ends as a script error.
-- spends its budget
function filter(hdr, pld, pkt)
  if (hdr[4] << 8 | hdr[5]) % 97 == 5 then
    while true do end
  end
  return true
end
