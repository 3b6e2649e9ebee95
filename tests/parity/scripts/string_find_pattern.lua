-- find with a pattern gives start, end and captures.
function filter(hdr, pld, pkt)
  local s = tostring(pld:segment(0, 200))
  local from, to, version = s:find('HTTP/(%d)%.')
  if from then
    pkt.mark = from * 256 + to
    return version == '1'
  end
  local a, b = s:find('%d+')
  if a then
    pkt.mark = a * 256 + b
    return (b - a) % 2 == 0
  end
end
