-- The checksum of an IPv4 header computed over its 16-bit words.
local word = data.layout {value = {0, 16}}

function filter(hdr, pld, pkt)
  if pkt.version ~= 4 then return end
  local size = (hdr[0] & 15) * 4
  local sum = 0
  for at = 0, size - 2, 2 do
    sum = sum + hdr:segment(at, 2):layout(word).value
  end
  while sum > 0xffff do sum = (sum & 0xffff) + (sum >> 16) end
  pkt.mark = sum
  return sum == 0xffff
end
