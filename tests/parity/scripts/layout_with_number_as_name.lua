-- A field named by a number comes before the byte of that offset.
local f = data.layout {[5] = {64, 8}, ttl = {64, 8}}

function filter(hdr, pld, pkt)
  local v = hdr:layout(f)
  pkt.mark = v[5] << 8 | v[4]
  return v[5] == v.ttl and v[4] % 2 == 0
end
