-- Limits what each source may send: a bucket of tokens per address, refilled with time (a flood of game-server queries, pings...).

local rate = 20                  -- packets per second and source, in the long run
local burst = 40                 -- and at once

local second = 1000000000
local tokens = map.lru {name = 'tokens', key = 'ip', value = 'u64', size = 65536}    -- thousandths of a packet
local seen = map.lru {name = 'seen', key = 'ip', value = 'u64', size = 65536}        -- when, in nanoseconds

function filter(hdr, pld, pkt)
  local now = time.now()
  local left = tokens[pkt.src] or burst * 1000
  local last = seen[pkt.src] or now
  left = math.min(burst * 1000, left + (now - last) * rate * 1000 // second)
  seen[pkt.src] = now
  if left < 1000 then
    tokens[pkt.src] = left
    return false
  end
  tokens[pkt.src] = left - 1000
end
