-- Bitwise operations on constants that are no numbers name them; numerals are numbers.
function filter(hdr, pld, pkt)
  local kind = hdr[5] & 3
  if kind == 0 then return ('a' & 7) > 2 end
  if kind == 1 then return (7 | 'b') > 2 end
  if kind == 2 then return ~'c' > 2 end
  return ('10' & 7) == 2
end
