-- Numbers of 8, 16, 24 and 32 bits in network order.
local header = data.layout {
  tos = {8, 8}, length = {16, 16}, id = {32, 16}, ttl = {64, 8}, low = {72, 24}, src = {96, 32},
}

function filter(hdr, pld, pkt)
  local ip = hdr:layout(header)
  local x = ip.tos + ip.length * 3 + ip.id * 5 + ip.ttl * 7 + ip.low * 11 + ip.src * 13
  pkt.mark = x & 0xffffffff
  return x % 2 == 0
end
