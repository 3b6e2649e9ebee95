-- Arithmetic on a string that is no numeral.
-- refused: string-arithmetic 7
local word = 'port'

function filter(hdr, pld, pkt)
  if hdr[8] > 64 then
    return word + hdr[8] > 0
  end
  return true
end
