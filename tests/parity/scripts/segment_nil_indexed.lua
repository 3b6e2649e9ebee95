-- A segment outside is nil, and using it is an error at that line.
function filter(hdr, pld, pkt)
  local s = pld:segment(30, 10)
  local first = s[0]
  return first ~= 0
end
