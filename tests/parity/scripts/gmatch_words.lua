-- gmatch over the words of a payload.
function filter(hdr, pld, pkt)
  local n, longest = 0, 0
  for word in tostring(pld:segment(0, 100)):gmatch('%a+') do
    n = n + 1
    if #word > longest then longest = #word end
  end
  pkt.mark = n << 8 | longest
  return n % 2 == 0
end
