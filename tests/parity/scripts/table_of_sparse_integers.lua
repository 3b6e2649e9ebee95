-- Integer keys that are computed, negative and large, in a sparse constant table.
local t = {[-1] = 1, [-100] = 2, [1 << 40] = 3, [0] = 4, [255] = 5, [math.mininteger] = 6}

function filter(hdr, pld, pkt)
  local n = (t[hdr[5] - 256] or 10) + (t[-hdr[8]] or 20) + (t[1 << (hdr[8] & 63)] or 30) + (t[hdr[1]] or 40)
  pkt.mark = n
  return n % 2 == 0
end
