-- Constant tables inside constant tables, by packet keys.
local policy = {
  [6] = {[22] = 'block', [80] = 'pass', default = 'reject'},
  [17] = {[53] = 'block', default = 'pass'},
}

function filter(hdr, pld, pkt)
  local proto = policy[pkt.protocol]
  if not proto then return end
  return proto[pkt.dport] or proto.default
end
