-- <const> locals and locals of the main chunk.
local LIMIT <const> = 64
local name <const> = 'block'
local double = LIMIT * 2

function filter(hdr, pld, pkt)
  local ttl <const> = hdr[8]
  if ttl > double then return name end
  if ttl > LIMIT then return 'reject' end
  return ttl == LIMIT
end
