-- %d %D %x %X %w %W
function filter(hdr, pld, pkt)
  local s = tostring(pld:segment(0, 64))
  local x = (s:find('%d%D') or 0) + (s:find('%x%x%x') or 0) * 3 + (s:find('%X%x') or 0) * 5 + (s:find('%w%W%w') or 0) * 7
  pkt.mark = x
  return x % 2 == 0
end
