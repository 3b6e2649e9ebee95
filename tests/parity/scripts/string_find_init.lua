-- find from a position on, negative ones and those behind the end included.
function filter(hdr, pld, pkt)
  local s = tostring(pld:segment(0, 64))
  local x = 0
  for init = -70, 70, 14 do
    x = x * 3 + (s:find('%w', init) or 1)
  end
  x = x * 3 + (s:find('', 65) or 2) + (s:find('', 66) or 5)
  pkt.mark = (x ~ x >> 32) & 0xffffffff
  return x % 2 == 0
end
