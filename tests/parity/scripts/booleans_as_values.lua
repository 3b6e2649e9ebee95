-- Comparisons stored in variables, compared and combined.
function filter(hdr, pld, pkt)
  local high = hdr[8] > 64
  local odd = hdr[5] % 2 == 1
  local same = high == odd
  local either = high or odd
  local both = high and odd
  if same == either then return both ~= false end
  return high
end
