-- Keys of any type may be looked up; only those that are there are found.
local t = {a = 1, [1] = 2, [true] = 3}

function filter(hdr, pld, pkt)
  local n = 0
  n = n + (t[pkt.fragment] or 10)
  n = n + (t[hdr[5] & 1] or 20)
  n = n + (t[pkt.sport] or 40)                 -- nil as a key reads nil
  n = n + (t[tostring(hdr:segment(0, 1))] or 80)
  pkt.mark = n
  return n > 140
end
