-- Keeps queries with a forged sender away from a game server (A2S: the queries of Source engine servers). The client is sent a
-- challenge, four bytes, from where the question arrives; only a client that sends it back has the address it says, and it
-- reaches the server for five minutes. The challenge is no longer than any question, so that no victim can be flooded with them.
--
--   perilune load a2s a2s-challenge.lua --at xdp:eth0          (tc:eth0:in serves as well)

local net = require 'net'

local port = 27015
local verified = map.lru { name = 'verified', key = 'ip', value = 'bool', size = 65536, ttl = 300 }
local secret = random(1 << 62) | 1

-- Where the challenge stands in a question of each kind, if it has one.
local at = { [0x54] = 25, [0x55] = 5, [0x56] = 5 }                    -- A2S_INFO, A2S_PLAYER, A2S_RULES
local answer = 0x41                                                   -- S2C_CHALLENGE

-- Of an address: the same every time, and known to no one else.
local function challenge_of(address)
  local hash = secret
  for i = 1, #address do hash = (hash ~ address:byte(i)) * 0x100000001b3 end
  hash = (hash ~ (hash >> 29)) * secret
  return (hash ~ (hash >> 32)) & 0xffffffff
end

function filter(hdr, pld, pkt)
  if pkt.protocol ~= net.protocol.udp or pkt.dport ~= port then return end
  if #pld < 9 or pld:getuint32(0) ~= 0xffffffff then return end       -- a packet of the game itself
  local place = at[pld[4]]
  if not place or verified[pkt.src] then return end

  local challenge = challenge_of(pkt.src)
  if #pld >= place + 4 and pld:getuint32(place) == challenge then
    verified[pkt.src] = true                                          -- the server will send a challenge of its own
    return true
  end

  local ip, udp = hdr:layout(pkt.version == 4 and net.ipv4 or net.ipv6), pkt.transport:layout(net.udp)
  ip.src, ip.dst = ip.dst, ip.src
  udp.sport, udp.dport = udp.dport, udp.sport
  pld[4] = answer
  pld:setuint32(5, challenge)
  pkt.payload = pld:segment(0, 9)
  return 'reply'
end
