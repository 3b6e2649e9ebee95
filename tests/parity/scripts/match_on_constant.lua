-- A match of constants is done at load.
-- refused: dynamic-pattern 7
local version = ('Perilune/1.25'):match('/(%d+)')

function filter(hdr, pld, pkt)
  local n = tonumber(version) + #('abc'):upper():match('B.*')
  if ('GET POST'):find(tostring(pld:segment(0, 3)), 1, true) then n = n + 10 end
  return hdr[8] > n * 9
end
