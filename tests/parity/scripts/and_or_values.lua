-- and and or give one of their operands, and evaluate the second only when needed.
function filter(hdr, pld, pkt)
  local port = pkt.dport or pkt.protocol
  local small = port < 1024 and port or -port
  local both = pkt.sport and pkt.dport
  local chosen = (hdr[8] > 64 and 1 or 2) + (hdr[8] == 64 and 10 or 20)
  local zero = 0 and 5 or 6                     -- 0 is true
  pkt.mark = (small + (both or 7) * chosen + zero) & 0xffff
  return both and both > 100
end
