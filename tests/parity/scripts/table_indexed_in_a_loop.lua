-- A constant array walked by number.
local offsets = {0, 4, 5, 8, 9, 12, 15, 19}

function filter(hdr, pld, pkt)
  local x = 1
  for i = 1, #offsets do
    x = x * 33 ~ hdr[offsets[i]]
  end
  pkt.mark = x & 0xffffffff
  return x % 2 == 0
end
