-- Limits what each source may send: a bucket of tokens per address, refilled with time (a flood of game-server queries, pings...).

local rate = 20                  -- packets per second and source, in the long run
local burst = 40                 -- and at once

local interval = 1000000000 // rate                  -- nanoseconds from token to token

-- Instead of tokens, the map has the moment since when the bucket has been filling: a token for each interval since then. So
-- there is one number for each source, and nothing to refill.
local filling = map.lru {name = 'filling', key = 'ip', value = 'u64', size = 65536}

function filter(hdr, pld, pkt)
  if not pkt.src then return end
  local now = time.now()
  local full = now - burst * interval                              -- filling since then, or before
  local since = math.max(filling[pkt.src] or full, full)
  if now - since < interval then return false end                  -- not one token
  filling[pkt.src] = since + interval                              -- takes one
end
