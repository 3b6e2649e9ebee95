-- %f: where a set begins and ends, at both ends of the text too.
function filter(hdr, pld, pkt)
  local s = tostring(pld:segment(0, 100))
  local x = (s:find('%f[%w]%w+%f[%W]') or 0) + (s:find('%f[%d]') or 0) * 3 + (s:find('%f[%z]') or 0) * 5 + (s:find('^%f[%a]') or 0) * 7
      + (s:find('%f[^%s]') or 0) * 11
  local word = s:match('%f[%a]%a+%f[%A]')
  pkt.mark = x * 8 + #(word or '')
  return x % 2 == 0
end
