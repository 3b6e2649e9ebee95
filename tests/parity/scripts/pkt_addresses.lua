-- pkt.src and pkt.dst as strings.
function filter(hdr, pld, pkt)
  local s, d = pkt.src, pkt.dst
  pkt.mark = #s << 16 | s:byte(-1) << 8 | d:byte(1)
  if s == d then return 'reject' end
  if d:sub(-1) == '\xff' then return false end
  return s < d
end
