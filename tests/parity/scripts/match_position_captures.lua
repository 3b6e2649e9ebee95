-- Position captures are numbers.
function filter(hdr, pld, pkt)
  local a, b = tostring(pld:segment(0, 100)):match('()%d+()')
  if a then
    pkt.mark = a * 256 + b
    return (b - a) % 2 == 1
  end
  local only = tostring(pld:segment(0, 20)):match('()')
  return only == 1 and #pld > 50
end
