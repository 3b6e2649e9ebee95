-- A token bucket for each source.
-- only: native
local tokens = map.lru {name = 'tokens', key = 'ip', value = 'i64', size = 1000}
local filled = map.lru {name = 'filled', key = 'ip', value = 'u64', size = 1000}

function filter(hdr, pld, pkt)
  local now = time.now()
  local have = tokens[pkt.src] or 5
  local since = (now - (filled[pkt.src] or now)) // 50000000
  have = have + since
  if have > 5 then have = 5 end
  filled[pkt.src] = now
  if have < 1 then
    tokens[pkt.src] = 0
    return false
  end
  tokens[pkt.src] = have - 1
end
