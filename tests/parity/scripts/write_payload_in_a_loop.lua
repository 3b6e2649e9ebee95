-- Every byte of the beginning of a payload changed.
function filter(hdr, pld, pkt)
  local n = #pld
  if n > 48 then n = 48 end
  for i = 0, n - 1 do
    pld[i] = pld[i] ~ 0x20
  end
end
