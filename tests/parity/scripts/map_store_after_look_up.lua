-- A value stored under a key that was looked up before on every way: found, absent, deleted in between.
local seen = map.lru {name = 'seen', key = 'ip', value = 'u64', size = 65536}
local ports = map.hash {name = 'ports', key = 'u16', value = 'i8', size = 4096}
local turns = map.array {name = 'turns', value = 'bool', size = 8}

local function again(key)
  local before = ports[key]
  if before == 3 then ports[key] = nil end                  -- gone before it is written
  ports[key] = (before or -2) + 1
end

function filter(hdr, pld, pkt)
  local count = seen[pkt.src]
  if pkt.length % 3 == 0 then seen[pkt.dst] = pkt.length end         -- may need the room
  if count then
    seen[pkt.src] = count * 3 + 1
  else
    seen[pkt.src] = 1
  end
  local port = pkt.dport
  if port then
    again(port)
    again(port)
    local turn = turns[port % 8]
    turns[port % 8] = not turn
    for i = 1, 3 do
      local value = ports[port]
      if value and value < 100 then ports[port] = value + i end
    end
  end
  return not (seen[pkt.src] and seen[pkt.src] % 7 == 0)
end
