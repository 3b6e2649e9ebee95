-- An endless loop by goto, which computes.
-- spends its budget
function filter(hdr, pld, pkt)
  local x = hdr[5]
  if (hdr[4] << 8 | hdr[5]) % 101 ~= 7 then return x % 2 == 0 end
  ::again:: x = x * 5 + 1 goto again
end
