-- %f looks at the byte before init.
function filter(hdr, pld, pkt)
  local s = tostring(pld:segment(0, 60))
  local x = 0
  for init = 1, 9, 2 do
    x = x * 3 + (s:find('%f[%w]%w', init) or 0)
  end
  pkt.mark = x
  return x % 2 == 0
end
