-- A loop that carries numbers, booleans and a state.
function filter(hdr, pld, pkt)
  local a, b, seen = 0, 1, false
  local n = #pld
  if n > 64 then n = 64 end
  for i = 0, n - 1 do
    a, b = b, a + b & 0xffff
    if pld[i] == 0x20 then
      seen = not seen
    elseif seen then
      a = a ~ pld[i]
    end
  end
  pkt.mark = a << 16 | b
  return seen
end
