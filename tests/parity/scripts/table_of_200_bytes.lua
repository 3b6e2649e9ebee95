-- A dense array made at load, read by a byte.
local weight = {}
for i = 0, 255 do weight[i] = (i * 97 + 13) % 256 end

function filter(hdr, pld, pkt)
  local h = 0
  for i = 0, 19 do h = weight[h ~ hdr[i]] end
  pkt.mark = h
  return h < 128
end
